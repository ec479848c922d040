"""A page with markers, and what it is after everything between them was made again.

A block of a page begins with `<!-- table: NAME... KIND option=value... -->` and ends with `<!-- end -->`, each on a
line of its own. What stands between is made of the kept tables; all other words are left alone.
"""

import dataclasses
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from evaluation.figures import styled
from renewing.blocks import Block, Kind
from renewing.kept import TABLES, Kept, provenance, read_kept, source_line, source_words
from tf_denoise.errors import InputError
from tf_denoise.runs.writing import atomic_path, write_text

DOCS = TABLES.parent
BEGIN, END = re.compile(r"<!-- table: (.*?) *-->"), "<!-- end -->"
_CONTENT = "Content"
"""The field of a PNG file that says what its figure was made of."""


@dataclasses.dataclass(frozen=True)
class Marker:
    """A block as a page asks for it.

    Attributes:
        names: The tables.
        kind: The kind of block.
        options: Its options, `commit` left out.
        commit: The commit that the page says the tables are of, where it says so.
        line: The marker itself.
    """

    names: tuple[str, ...]
    kind: str
    options: Mapping[str, str]
    commit: str | None
    line: str


@dataclasses.dataclass(frozen=True)
class Renewed:
    """A page as its tables make it.

    Attributes:
        path: The page.
        text: Its text.
        images: Its figures as PNG files, by path.
        blocks: How many blocks it has.
    """

    path: Path
    text: str
    images: Mapping[Path, bytes]
    blocks: int

    @property
    def is_up_to_date(self) -> bool:
        """Whether the page and its figures are as they would be written.

        A figure counts as the same where it says that it was made of the same: other versions of Matplotlib draw the
        same figure with other pixels.
        """
        return self.path.read_text(encoding="utf-8") == self.text and all(
            path.exists() and _content(path.read_bytes()) == _content(data) for path, data in self.images.items()
        )

    def write(self) -> None:
        """Write the page and its figures; a page that is up to date is left as it is."""
        for path, data in self.images.items():
            with atomic_path(path) as temporary:
                temporary.write_bytes(data)
        if self.path.read_text(encoding="utf-8") != self.text:
            write_text(self.path, self.text)


def renewed(page: str, docs: Path = DOCS) -> Renewed:
    """A page with every block made again. Nothing is written.

    Args:
        page: The name of the page, such as `textures`.
        docs: The folder of the page, with `tables` and `images` in it.

    Raises:
        InputError: If there is no such page, a marker is not what it should be, a table is missing, the tables are of
            different states of the code, or no block says where a table comes from.
    """
    path = docs / f"{page}.md"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in docs.glob("*.md")))
        raise InputError(f"There is no page {page}; the pages are {known}.")
    parts = split_page(path.read_text(encoding="utf-8"), path.name)
    markers = [part for part in parts if isinstance(part, Marker)]
    kept = {name: read_kept(name, docs / "tables") for marker in markers for name in marker.names}
    _refuse_mixed_states(page, markers, kept)
    _refuse_unknown_origin(page, markers)
    written: list[str] = []
    images: dict[Path, bytes] = {}
    for part in parts:
        if isinstance(part, str):
            written.append(part)
            continue
        tables = [kept[name] for name in part.names]
        block = _made(part, tables)
        lines = list(block.lines)
        if block.figure is not None:
            file = _image_name(page, part, images)
            images[docs / "images" / file] = _png(block.figure, part, tables)
            lines = [f"![{block.title}](images/{file})", "", *lines]
        if part.kind != "provenance":
            lines = [*lines, source_line(tables), ""]
        written.append("\n".join([part.line, "", *lines, END]))
    return Renewed(path, "\n".join(written), images, len(markers))


def split_page(text: str, name: str) -> list[str | Marker]:
    """The parts of a page: words that are left alone, and the markers of blocks, without what stands in them.

    Args:
        text: The page.
        name: What a message calls it.

    Raises:
        InputError: If a block has no end, an end no block, or a marker names no table and kind.
    """
    parts: list[str | Marker] = []
    words: list[str] = []
    open_: Marker | None = None
    in_code = False  # where a page shows what markers look like
    for number, line in enumerate(text.split("\n"), 1):
        if open_ is None and line.lstrip().startswith("```"):
            in_code = not in_code
        begins, ends = (None, False) if in_code else (BEGIN.fullmatch(line.strip()), line.strip() == END)
        if begins and open_ is not None:
            raise InputError(f"{name}, line {number}: a block begins before the one before has its end, {END}.")
        if ends and open_ is None:
            raise InputError(
                f"{name}, line {number}: {END} ends no block; remove it, or begin one with <!-- table: ... -->."
            )
        if begins:
            if words:
                parts.append("\n".join(words))
            words, open_ = [], _marker(line.strip(), begins[1], f"{name}, line {number}")
            parts.append(open_)
        elif ends:
            open_ = None
        elif open_ is None:
            words.append(line)
    if open_ is not None:
        raise InputError(f"{name}: the block {open_.line} has no end; expected a line {END} below it.")
    return [*parts, "\n".join(words)] if words else parts


def _marker(line: str, text: str, where: str) -> Marker:
    words = [word for word in text.split() if "=" not in word]
    options = dict(word.split("=", 1) for word in text.split() if "=" in word)
    if len(words) < 2:
        raise InputError(
            f"{where}: a block names one or more tables and then its kind, such as <!-- table: roads-losses verdicts "
            f"-->; received {line}."
        )
    return Marker(tuple(words[:-1]), words[-1], options, options.pop("commit", None), line)


def _refuse_mixed_states(page: str, markers: Sequence[Marker], kept: Mapping[str, Kept]) -> None:
    """All tables are of one state of the code, but for those whose block says which commit they are of."""
    states: dict[tuple[str, ...], list[str]] = {}
    for marker in markers:
        for name in marker.names:
            source = kept[name].facts["trained"]
            if marker.commit is None:
                states.setdefault(tuple(kept[name].states), []).append(name)
            elif not (source["commit"] or "").startswith(marker.commit):
                raise InputError(
                    f"{page}.md: the block {marker.line} names another commit than that of {name}, "
                    f"{source_words(source)}."
                )
    if len(states) > 1 or any(len(set(state[:-1])) > 1 for state in states):
        told = "; ".join(
            f"{', '.join(dict.fromkeys(names))}: {_states_in_words(kept[names[0]])}" for names in states.values()
        )
        raise InputError(
            f"{page}.md: a page never mixes states of the code ({told}); train again, or name a block's commit: "
            "commit=1a2b3c4."
        )


def _states_in_words(kept: Kept) -> str:
    scored = kept.facts["scored"]
    words = ", then ".join(map(source_words, [kept.facts["trained"], *kept.facts["resumed"]]))
    return words if scored["code"] == kept.facts["trained"]["code"] else f"{words}, scored with {source_words(scored)}"


def _refuse_unknown_origin(page: str, markers: Sequence[Marker]) -> None:
    told = {name for marker in markers if marker.kind == "provenance" for name in marker.names}
    missing = [name for marker in markers for name in marker.names if name not in told]
    if missing:
        raise InputError(
            f"{page}.md does not say where {', '.join(dict.fromkeys(missing))} comes from; add the block "
            f"<!-- table: {missing[0]} provenance -->."
        )


def _made(marker: Marker, tables: Sequence[Kept]) -> Block:
    kinds = {kept.kind for kept in tables}
    if len(kinds) > 1:
        raise InputError(f"The block {marker.line} mixes tables of different commands: {', '.join(sorted(kinds))}.")
    known = {"provenance": Kind(lambda tables: Block(provenance(tables)), tables=100), **_kinds_of(tables[0].kind)}
    if marker.kind not in known:
        raise InputError(
            f"The block {marker.line} is of no known kind; of {tables[0].name} it is one of {', '.join(known)}."
        )
    kind = known[marker.kind]
    kind.check(marker.kind, tables, marker.options)
    return kind.make(tables, **marker.options)


def _kinds_of(kind: str) -> Mapping[str, Kind]:
    """The kinds of block of a command, loaded when they are needed: figures take seconds."""
    if kind == "textures":
        from renewing.photograph_blocks import KINDS as photographs

        return photographs
    if kind == "iterative":
        from renewing.digit_blocks import KINDS as digits

        return digits
    from renewing.printed import KINDS as printed

    return printed


def _image_name(page: str, marker: Marker, taken: Mapping[Path, bytes]) -> str:
    words = "-".join([page, marker.names[0], marker.kind, *marker.options.values()])
    names = {path.name for path in taken}
    return next(
        name for count in range(1, 1000) if (name := words + ("" if count == 1 else f"-{count}") + ".png") not in names
    )


def _png(figure, marker: Marker, tables: Sequence[Kept]) -> bytes:
    """A figure as a PNG file that says of what it was made, and names the commit."""
    digest = hashlib.sha256(marker.line.encode())
    for kept in tables:
        for file in sorted(kept.folder.glob(f"{kept.name}.*")):
            digest.update(file.read_bytes())
    buffer = io.BytesIO()
    metadata = {_CONTENT: digest.hexdigest()[:16], "Source": source_line(tables)}
    with styled():
        figure.savefig(buffer, format="png", bbox_inches="tight", metadata=metadata)
    return buffer.getvalue()


def _content(data: bytes) -> str | None:
    try:
        return Image.open(io.BytesIO(data)).info.get(_CONTENT)
    except OSError:
        return None
