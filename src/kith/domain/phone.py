"""Phones: what people type becomes one E.164 number (reference section 1, the field's rules).

Validity is advice, never a gate: WhatsApp itself reports numbers that no numbering plan knows.
"""

import re
import unicodedata
from typing import NewType

import phonenumbers

from kith.errors import BadValue

Phone = NewType("Phone", str)
"""Strict E.164 in ASCII digits; only `parse` makes one."""

PROBLEM = "must be a phone number in international format, such as +14155550123."
TYPED_CHARACTERS_MAX = 64

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SEPARATORS = re.compile(
    r"[\s.()\[\]{}/\-\u00ad\u058a\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_URI = re.compile("tel:", re.IGNORECASE)
# Full-width forms, as East Asian keyboards type them. Not NFKC: it reads the footnote in
# "...0123²" as one digit more, which is somebody else's number.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CODES = frozenset(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)

# What may stand between calling code and number because people dial it at home. The library
# removes it, so such numbers take the slow way; "" means every number of that code does.
_TRUNK_PREFIXES: dict[str, str | tuple[str, ...]] = {
    "1": ("0", "1"),
    "7": ("0", "8"),
    "54": "",
    "55": ("0", "90"),
    "261": "",
    "370": ("0", "8"),
    "375": ("0", "8"),
    "378": "",
    "672": "",
    "692": ("0", "1"),
    "993": ("0", "8"),
}


def parse(value: object) -> Phone:
    """E.164 of anything that reads as an international number; raises BadValue.

    Blanks, dots, dashes, brackets, `/`, a leading `tel:` or `00`, a missing `+` and digits of any
    script are understood. A number that the numbering plan does not know stays as typed.
    """
    if isinstance(value, str):
        return Phone(value) if _is_plain(value) else _read(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return _read(str(value))
    raise BadValue(PROBLEM)


def _is_plain(text: str) -> bool:
    """Whether `text` is strict E.164 that the library would give back unchanged; it costs 60 us."""
    if not _E164.fullmatch(text):
        return False
    for end in (2, 3, 4):
        if (code := text[1:end]) in _CODES:
            return not text.startswith(_TRUNK_PREFIXES.get(code, "0"), end)
    return False


def _read(text: str) -> Phone:
    typed = _clean(text)
    if _is_plain(typed):
        return Phone(typed)
    if not _E164.fullmatch(typed):
        raise BadValue(PROBLEM)
    try:
        number = phonenumbers.parse(typed, None)
    except phonenumbers.NumberParseException:
        return Phone(typed)
    if not phonenumbers.is_valid_number(number):
        return Phone(typed)
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _clean(text: str) -> str:
    if len(text) > TYPED_CHARACTERS_MAX:
        raise BadValue(PROBLEM)
    text = _SEPARATORS.sub("", text.translate(_FULL_WIDTH))
    if uri := _URI.match(text):
        text = text[uri.end() :]
    digits = "".join(_ascii_digit(character) for character in text.removeprefix("+"))
    if text.startswith("+"):
        return "+" + digits
    return "+" + digits.removeprefix("00")


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    if digit is None:
        raise BadValue(PROBLEM)
    return str(digit)
