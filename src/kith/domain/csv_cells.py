"""Cells that a spreadsheet must not run: what an export writes and an import takes back (T9.2)."""

import re
from collections.abc import Iterable

_STARTS = "=+-@\t\r\0\uff1d\uff0b\uff0d\uff20"
"""What begins a formula, also in full width."""
_HARMLESS = re.compile(r"\+[0-9]{7,15}|-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_AS_TEXT = re.compile(r'''="((?:[^"]|"")*)"''')
_MUST_BE_QUOTED = re.compile(r'[",;\t|\r\n]|\A\s|\s\Z')
_NAME = re.compile(
    r"""[,; \t\r\n\u00a0\u3000]*+"""
    r"""(?:"((?:[^"]|"")*+)"[ \t\r\n\u00a0\u3000]*+(?=[,;]|\Z)|([^,;]+)|\Z)"""
)
"""The next of several names: in double quotes, as it stands, or none that is left."""


def shown(text: str) -> str:
    """The cell with `'` before what a spreadsheet would take for a formula.

    A text that has such a `'` already gets one more, so that taking one away gives it back.
    """
    if _is_formula(text) or is_shown(text):
        return "'" + text
    return text


def is_shown(cell: str) -> bool:
    """Whether the cell begins with quotes that were put before a formula."""
    bare = cell.lstrip("'")
    return bare is not cell and len(bare) < len(cell) and _is_formula(bare)


def meant(cell: str) -> str:
    """What stood there before it was shown: by us, or as `="0612"`, which others write so that a
    spreadsheet keeps the digits as they are."""
    if cell.startswith("'"):
        return cell[1:] if is_shown(cell) else cell
    as_text = _AS_TEXT.fullmatch(cell)
    return as_text[1].replace('""', '"') if as_text else cell


def line(cells: Iterable[str]) -> str:
    """One record of CSV with harmless cells, quoted where they must be."""
    return ",".join(map(_quoted, map(shown, cells))) + "\r\n"


def listed(names: Iterable[str]) -> str:
    """Several names in one cell, with commas between them.

    A semicolon would end one, too: in double quotes it does not, as in a line of CSV.
    """
    return ",".join(
        '"' + name.replace('"', '""') + '"' if ";" in name or name[0] == '"' else name
        for name in names
    )


def names(cell: str) -> list[str]:
    """What stands between commas or semicolons, as `listed` or anybody else wrote it."""
    if '"' not in cell:
        return cell.replace(";", ",").split(",")
    found = (one.groups() for one in _NAME.finditer(cell))
    return [plain or "" if quoted is None else quoted.replace('""', '"') for quoted, plain in found]


def _is_formula(text: str) -> bool:
    return text[:1] in _STARTS and text != "" and _HARMLESS.fullmatch(text) is None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _MUST_BE_QUOTED.search(text) else text
