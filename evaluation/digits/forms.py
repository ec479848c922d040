"""Is there a form of the second stage that wins? Each form against its parent and against every control."""

from collections.abc import Sequence

from evaluation.digits.claims import KEY_MEASURES, Contrast, Finding, compare, count, ranges
from evaluation.digits.names import TEST_SETS, form_words, label
from evaluation.digits.rivals import Stored, is_form, kind_of, parent_of, rivals_of
from evaluation.digits.table import DigitTable
from evaluation.measures import MEASURES


def check_forms(table: DigitTable, tree: Sequence[Stored]) -> list[Finding]:
    """What became of every form in the tree, the two parents together.

    A form wins if it beats the controls, those of equal training and those of equal multiply-adds, in nine of ten
    comparisons; what it is against its parent is told and does not count.

    Args:
        table: The scores.
        tree: The networks of one repeat, as `networks.json` has them.
    """
    leaves = dict.fromkeys(network["name"].split("/", 1)[1] for network in tree if is_form(network))
    return [_form_finding(table, tree, leaf) for leaf in leaves]


def _form_finding(table: DigitTable, tree: Sequence[Stored], leaf: str) -> Finding:
    networks = [network for network in tree if is_form(network) and network["name"].split("/", 1)[1] == leaf]
    against_parent, against_controls = [], []
    for measure in KEY_MEASURES:
        for network in networks:
            against_parent.append(compare(table, network["name"], parent_of(network), measure))
            against_controls += [compare(table, network["name"], r, measure) for r in rivals_of(network, tree)]
    summary = [_against("its parent", against_parent)]
    for kind in dict.fromkeys(label(contrast.against) for contrast in against_controls):
        summary.append(_against(f"the {kind}", [c for c in against_controls if label(c.against) == kind]))
    for network in networks:
        mine = [contrast for contrast in against_controls if contrast.network == network["name"]]
        summary.append(_at_once(network["name"], mine, len(networks) > 1))
    words = form_words(leaf) or leaf
    kinds = {kind_of(rival) for network in networks for rival in rivals_of(network, tree)}
    costly = ", and those that cost as much" if kinds & {"wide", "deep"} else ""
    costly += ", and a restarted one" if "restarted" in kinds else ""
    return Finding(
        f"{words[:1].upper() + words[1:]}: it beats one network of equal training{costly}",
        count(against_controls).verdict("better"),
        tuple(summary),
        (*against_parent, *against_controls),
    )


def _against(whom: str, contrasts: Sequence[Contrast]) -> str:
    each = [
        f"{MEASURES[measure].title} {count([c for c in contrasts if c.measure == measure]).sentence}"
        for measure in KEY_MEASURES
    ]
    return f"Against {whom}: {'. '.join(each)}."


def _at_once(network: str, contrasts: Sequence[Contrast], names_root: bool) -> str:
    """Where it beats all of its controls at once."""
    parts = []
    for measure in KEY_MEASURES:
        places = won([contrast for contrast in contrasts if contrast.measure == measure])
        parts.append(f"{MEASURES[measure].title} {f'on {ranges(places)}' if places else 'nowhere'}")
    where = f" below the {network.split('/')[0].replace('_', '-')} parent" if names_root else ""
    return f"Better than all of its controls at once{where}: {'; '.join(parts)}."


def won(contrasts: Sequence[Contrast], verdict: str = "better") -> list[str]:
    """The test sets on which all contrasts have a verdict."""
    if not contrasts:
        return []
    return [t for t in TEST_SETS if all(contrast.differences[t].verdict == verdict for contrast in contrasts)]
