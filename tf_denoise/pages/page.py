"""A page of HTML that is one file and needs no network: figures are written into it."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TEMPLATES = Path(__file__).parent / "templates"
"""Where `base.html` lies, which every report extends."""
PAGE_FILE, JSON_FILE = "report.html", "report.json"


class PageFigure(NamedTuple):
    """A figure of a report.

    Attributes:
        section: Where in the page it is shown.
        name: Its file name beside the page.
        description: What it shows, for those who do not see it.
        png: Its bytes.
    """

    section: str
    name: str
    description: str
    png: bytes


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it takes one.

    Example:
        >>> counted(1, "epoch"), counted(32, "epoch"), counted(1200, "step")
        ('1 epoch', '32 epochs', '1,200 steps')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def render_page(
    template: Path,
    figures: Sequence[PageFigure] = (),
    *,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **context: Any,
) -> str:
    """A page that holds its figures in itself.

    Args:
        template: A Jinja template, which may extend `base.html`.
        figures: The template finds them as `figures[section]`, a list of (description, address).
        filters: Functions by the name that the template calls them by; `counted` is there.
        **context: What the template refers to; everything is escaped.

    Returns:
        The page.
    """
    import jinja2

    loader = jinja2.FileSystemLoader([template.parent, TEMPLATES])
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page.filters.update({"counted": counted, **(filters or {})})
    sections: dict[str, list[tuple[str, str]]] = {}
    for figure in figures:
        source = "data:image/png;base64," + base64.b64encode(figure.png).decode()
        sections.setdefault(figure.section, []).append((figure.description, source))
    return page.get_template(template.name).render(figures=sections, **context)
