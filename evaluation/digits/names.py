"""What the networks and the test sets of a run on digits are called."""

from evaluation.table import INPUT

TEST_SETS = ("original", *(f"{percent}%" for percent in range(10, 101, 10)), "mixed")
"""The twelve test sets."""
FORMS = {
    "both": "sees both",
    "continued": "sees both, begins as parent",
    "sos": "SOS",
    "correction": "correction",
    "twice": "one network twice",
    "twice-both": "one network twice, sees both",
}
"""The second stages beside those of the original study, in words."""

CONTROLS = {"wide": "wider", "deep": "deeper", "restarted": "restarted"}
"""The controls beside the one of equal training, in a word."""


def form_words(leaf: str) -> str | None:
    """What a second stage is called; `None` if it is one of the original study.

    Example:
        >>> form_words("both-25"), form_words("sos-together"), form_words("25")
        ('sees both, renoised 25', 'SOS, trained together', None)
    """
    if leaf in FORMS:
        return FORMS[leaf]
    alone, _, rest = leaf.partition("-")
    if alone not in FORMS:
        return None
    return f"{FORMS[alone]}, {'trained together' if rest == 'together' else f'renoised {rest}'}"


def label(name: str) -> str:
    """A network's name for a legend: `one_level/25/25` is a child of a child.

    Example:
        >>> label("multi_level/25"), label("one_level"), label("one_level/control_wide"), label("one_level/both")
        ('child 25', 'parent', 'wider control', 'sees both')
    """
    if name == INPUT:
        return "noisy input"
    rest = name.split("/")[1:]
    if not rest:
        return "parent"
    if rest[0].startswith("control"):
        return _control_words(*rest[0].split("_")[1:])
    return form_words(rest[0]) or "child " + " > ".join(rest)


def _control_words(*features: str) -> str:
    words = "control"
    for feature in features:
        if feature in CONTROLS:
            words = f"{CONTROLS[feature]} {words}"
        else:
            words += f" of {feature.removeprefix('x')} trainings"
    return words


def in_sentence(name: str) -> str:
    """A second stage's name within a sentence.

    Example:
        >>> in_sentence("multi_level/both")
        '"sees both" below the multi-level parent'
    """
    root = root_title(name.split("/")[0])
    return f'"{label(name)}" below the {root[:1].lower()}{root[1:]}'


def root_title(root: str) -> str:
    """What the root of a tree is called.

    Example:
        >>> root_title("multi_level")
        'Multi-level parent'
    """
    return root.replace("_", "-").capitalize() + " parent"


def full_label(name: str) -> str:
    """A network's name in a table.

    Example:
        >>> full_label("one_level/25"), full_label("multi_level")
        ('One-level: child 25', 'Multi-level: parent')
    """
    if name == INPUT:
        return "Noisy input"
    return f"{root_title(name.split('/')[0]).removesuffix(' parent')}: {label(name)}"


def short_label(name: str) -> str:
    """A network's name beside a row of pictures.

    Example:
        >>> short_label("multi_level/25")
        'multi: child 25'
    """
    return f"{name.split('/')[0].replace('_level', '').replace('_', ' ')}: {label(name)}"
