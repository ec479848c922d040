"""Renews pages of docs/ from the kept tables in docs/tables/: `python docs/renew.py textures iterative explain`.

python docs/renew.py keep RUN --as roads-losses     # a finished run becomes docs/tables/roads-losses.csv and .json
python docs/renew.py textures                       # docs/textures.md and its figures, from docs/tables/ alone
python docs/renew.py --check                        # whether all pages are as they would be written
python docs/renew.py explain --run RUN              # what needs the networks themselves: figures, and explain.json
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro
from renewing.keep import keep
from renewing.kept import TABLES
from renewing.pages import DOCS, renewed

from tf_denoise.commands.exits import SOME_FAILED, exit_on_errors
from tf_denoise.commands.startup import print_any_text
from tf_denoise.errors import InputError

LARGEST = 500_000
"""Bytes of a table beyond which the command says that it is large."""


def keep_run(run: Annotated[Path, tyro.conf.Positional], name: Annotated[str, tyro.conf.arg(name="as")]) -> None:
    """Keep a finished run as a small table that pages can be made of. It is to be committed at once.

    Args:
        run: The run folder.
        name: What the table is called, such as roads-losses.
    """
    with exit_on_errors():
        for path in keep(run, name):
            size = path.stat().st_size
            note = ", which is large for a repository" if size > LARGEST else ""
            print(f"{path.relative_to(DOCS.parent)}: {size:,} bytes{note}")


def renew(
    pages: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    check: bool = False,
    run: Path | None = None,
    name: Annotated[str, tyro.conf.arg(name="as")] = "explain",
) -> None:
    """Make the figures and the marked parts of pages again. All other words are left alone.

    Args:
        pages: Names of pages in docs/, such as textures; defaults to all.
        check: Write nothing; the exit status is 1 if a page is not as it would be written.
        run: With the page explain or iterative alone: first make what needs the networks of this run.
        name: With --run on the page explain: what the table of its numbers is called.
    """
    with exit_on_errors():
        if run is not None:
            if check or len(pages) != 1:
                raise InputError("--run goes with one page, explain or iterative, and not with --check.")
            look_at_networks(pages[0], run, name)
        status = renew_pages(pages, check=check)
    if status:
        raise SystemExit(status)


def renew_pages(pages: Sequence[str], docs: Path = DOCS, *, check: bool = False) -> int:
    """Renew or check pages; all are made before the first is written.

    Args:
        pages: Their names; all for none.
        docs: Their folder.
        check: Write nothing.

    Returns:
        The exit status.

    Raises:
        InputError: If one cannot be made.
    """
    made = [renewed(page, docs) for page in pages or sorted(path.stem for path in docs.glob("*.md"))]
    old = [page for page in made if not page.is_up_to_date]
    for page in made:
        if page.blocks == 0 and pages:
            print(f"{page.path.name} has no block to renew.")
        elif page in old:
            print(f"{page.path.name} is {'not as its tables make it' if check else 'renewed'}.")
        elif page.blocks:
            print(f"{page.path.name} is up to date.")
    if check:
        return SOME_FAILED if old else 0
    for page in old:
        page.write()
    return 0


def look_at_networks(page: str, run: Path, name: str, tables: Path = TABLES) -> None:
    """Make what no table holds, because it needs the networks: figures of heat maps and of digits.

    Args:
        page: `explain` or `iterative`.
        run: The run folder.
        name: What the table of the page explain is called.
        tables: Where it is kept.

    Raises:
        InputError: If the page takes no run.
    """
    if page == "explain":
        import make_explain_figures
        from renewing.printed import keep_printed

        print(f"{keep_printed(run, name, make_explain_figures.parts_of(run), tables).name} is kept.")
    elif page == "iterative":
        import make_pictures

        make_pictures.main(run)
    else:
        raise InputError(f"The page {page} is made of tables alone; leave out --run.")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["keep"]:
        tyro.cli(keep_run, args=arguments[1:], prog="python docs/renew.py keep")
    else:
        options = (tyro.conf.FlagCreatePairsOff,)
        tyro.cli(renew, args=arguments, prog="python docs/renew.py", config=options)


if __name__ == "__main__":
    main()
