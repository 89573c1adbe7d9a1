"""The text gate: which characters may enter Kith at all (reliability rows X5, X10, L3)."""

import re

from kith.errors import BadValue

NAME_CHARACTERS_MAX = 256
"""Of a person, a workspace or a token."""
STRING_BYTES_MAX = 65_536
REPLACEMENT = "\ufffd"

_SPACES = " \t\r\n\u00a0\u3000"
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17)
)
_NOT_IN_LINES = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}]")
_NOT_IN_PROSE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}]")


def is_blank(value: str) -> bool:
    """Whether nothing is given. Control characters alone are something: what may not enter."""
    return not value or (value.isspace() and not _NOT_IN_LINES.search(value.strip(_SPACES)))


def line(value: object, *, characters_max: int, bytes_max: int = STRING_BYTES_MAX) -> str:
    """A trimmed one-line text, otherwise as sent; raises BadValue."""
    if not isinstance(value, str):
        raise BadValue("must be a string.")
    text = value.strip(_SPACES)
    if len(text) > characters_max:
        raise BadValue(f"may not be greater than {characters_max} characters.")
    if not text.isprintable() and _NOT_IN_LINES.search(text):
        raise BadValue("may not contain control characters or line breaks.")
    if 4 * len(text) > bytes_max and len(text.encode()) > bytes_max:
        raise BadValue(f"may not be greater than {bytes_max} bytes.")
    return text


def repaired(value: str, *, characters_max: int) -> str:
    """What `line` takes of a text that nobody can be asked to send again (rows X5 and X10).

    What may not enter becomes U+FFFD, and what is too long is cut.
    """
    text = value.strip(_SPACES)[:characters_max]
    if not text.isprintable():
        text = _NOT_IN_LINES.sub(REPLACEMENT, text)
    if not text.isascii():
        text = text.encode()[:STRING_BYTES_MAX].decode(errors="ignore")
    return text.strip(_SPACES)


def prose(value: str) -> str:
    """A text that may hold line breaks and tabs; `\\r\\n` becomes `\\n`. Raises BadValue."""
    text = value.replace("\r\n", "\n")
    # Its length first; surrogates, which cannot be encoded, are gone before its bytes are counted.
    if len(text) > STRING_BYTES_MAX:
        raise BadValue(f"may not hold a string of more than {STRING_BYTES_MAX} bytes.")
    if _NOT_IN_PROSE.search(text):
        raise BadValue("may not contain control characters.")
    if len(text.encode()) > STRING_BYTES_MAX:
        raise BadValue(f"may not hold a string of more than {STRING_BYTES_MAX} bytes.")
    return text


def repaired_prose(value: str, *, characters_max: int) -> str:
    """What `prose` takes of a text that nobody can be asked to send again, as in `repaired`."""
    text = value
    if not text.isprintable():
        text = _NOT_IN_PROSE.sub(REPLACEMENT, text.replace("\r\n", "\n"))
    return text[:characters_max]
