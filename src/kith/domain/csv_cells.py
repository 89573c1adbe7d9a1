"""Cells that a spreadsheet must not run: what an export writes and an import takes back (T9.2)."""

import re
from collections.abc import Iterable

_STARTS = "=+-@\t\r\0\uff1d\uff0b\uff0d\uff20"
"""What begins a formula, also in full width."""
_HARMLESS = re.compile(r"\+[0-9]{7,15}|-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_MUST_BE_QUOTED = re.compile(r'[",;\t|\r\n]|\A\s|\s\Z')


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
    """What stood there before it was shown."""
    return cell[1:] if cell.startswith("'") and is_shown(cell) else cell


def line(cells: Iterable[str]) -> str:
    """One record of CSV with harmless cells, quoted where they must be."""
    return ",".join(map(_quoted, map(shown, cells))) + "\r\n"


def _is_formula(text: str) -> bool:
    return text[:1] in _STARTS and text != "" and _HARMLESS.fullmatch(text) is None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _MUST_BE_QUOTED.search(text) else text
