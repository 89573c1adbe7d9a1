"""Phones: what people type becomes one E.164 number (reference section 1, the field's rules).

Validity is advice, never a gate: WhatsApp itself reports numbers that no numbering plan knows.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NewType

import msgspec
import phonenumbers

from kith.errors import BadValue

Phone = NewType("Phone", str)
"""Strict E.164 in ASCII digits; `parse`, `take`, `as_shown`, `behind_code`, `whatsapp.variant` and
`matches` make them, and nothing else does."""
Region = NewType("Region", str)
"""Two letters of ISO 3166 whose numbering plan is known; only `parse_region` makes one."""

PROBLEM = "must be a phone number in international format, such as +14155550123."
REGION_PROBLEM = "must be the two letters of a country with phone numbers, such as FR or US."
TYPED_CHARACTERS_MAX = 64
DIGITS_MIN = 4
"""Of the shortest number that somebody dials at home and WhatsApp may know."""
DIGITS_MAX = 24
"""Of the longest, with what is dialled before it."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# The plans know 56 of them, such as Iran's +989601; other six digits are a slip of the hand.
_SHORT = re.compile(r"\+[1-9][0-9]{5}")
_SEPARATORS = re.compile(
    r"[\s()\[\]{}/\-\u00ad\u058a\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
"""All but the dot, which may be that of a decimal."""
_URI = re.compile(r"\Atel:", re.IGNORECASE)
# How pandas and spreadsheets write a column of numbers. With three zeros or more it may be dialled:
# 1415555.0000.
_DECIMAL = re.compile(r"([0-9]+)\.0{1,2}")
# Full-width forms, as East Asian keyboards type them. Not NFKC: it reads the footnote in
# "...0123²" as one digit more, which is somebody else's number.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Prefixes of Mexico's old dialling rules: people still write them, the library knows them no more.
_OLD_MEXICAN = re.compile(r"(?:\+52)?(?:044|045|01)([2-9][0-9]{9})")
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
_TRUNK_PREFIXES_OF = {
    str(code): _TRUNK_PREFIXES.get(str(code), "0")
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
}


class Typed(msgspec.Struct, frozen=True, gc=False):
    """A number written without `+`: which one it is depends on where it was typed."""

    digits: str


def take(value: object) -> Phone | Typed:
    """A phone as far as it can be told before the workspace is known; raises BadValue.

    What begins with `+` reads the same everywhere, as `parse` has it.
    """
    if isinstance(value, str) and _is_plain(value):
        return Phone(value)
    typed = _clean(value)
    if typed.startswith("+"):
        return _international(typed)
    if not DIGITS_MIN <= len(typed) <= DIGITS_MAX:
        raise BadValue(PROBLEM)
    return Typed(typed)


def parse(value: object, *, region: Region | None = None) -> Phone:
    """E.164 of anything that reads as a phone number; raises BadValue.

    Blanks, dots, dashes, brackets, `/`, a leading `tel:` or `00`, a missing `+` and digits of any
    script are understood, and a `.0` at the end is left away if it has the only dot. Without `+` or
    `00`, what makes a number as dialled in `region` is that number, unless it has the region's own
    calling code; anything else is international. A number that the numbering plan does not know
    stays as typed.
    """
    if isinstance(value, str) and _is_plain(value):
        return Phone(value)
    typed = _clean(value)
    if region and not _has_code(typed, region) and (number := _dialled(typed, region)):
        return number
    return _international(typed)


def as_shown(value: object) -> Phone | None:
    """The number when it is written as Kith shows it, so that nothing is left to read."""
    return Phone(value) if isinstance(value, str) and _is_plain(value) else None


def dialled(value: object, *, region: Region) -> Phone | None:
    """Whom this reaches when dialled in `region`; None for no number there. Raises BadValue."""
    return _dialled(_clean(value), region)


def behind_code(value: object, *, region: Region) -> Phone | None:
    """The digits behind the region's calling code, whether or not its plan knows such a number.
    Raises BadValue."""
    number = f"+{phonenumbers.country_code_for_region(region)}{_clean(value)}"
    return Phone(number) if _E164.fullmatch(number) else None


def parse_region(value: object) -> Region:
    """The region, in capitals; raises BadValue."""
    region = value.strip().upper() if isinstance(value, str) else ""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise BadValue(REGION_PROBLEM)
    return Region(region)


def calling_codes() -> dict[Region, int]:
    """Of every region that `parse_region` knows, in the order of their letters."""
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    return {Region(one): phonenumbers.country_code_for_region(one) for one in regions}


def is_valid(number: Phone) -> bool:
    """Whether the numbering plan knows it; WhatsApp also has numbers that no plan knows."""
    parsed = _parsed(number, None)
    return parsed is not None and phonenumbers.is_valid_number(parsed)


def _is_plain(text: str) -> bool:
    """Whether `text` is strict E.164 that the library would give back unchanged; it costs 60 us."""
    return _E164.fullmatch(text) is not None and _has_no_trunk_prefix(text[1:5])


@lru_cache(maxsize=9_000)
def _has_no_trunk_prefix(first_digits: str) -> bool:
    """Whether the code is known and what follows begins no such prefix: four digits tell."""
    for end in (1, 2, 3):
        if (prefixes := _TRUNK_PREFIXES_OF.get(first_digits[:end])) is not None:
            return not first_digits.startswith(prefixes, end)
    return False


def _international(typed: str) -> Phone:
    number = _with_plus(typed)
    if _SHORT.fullmatch(number) and is_valid(Phone(number)):
        return Phone(number)
    if not _E164.fullmatch(number):
        raise BadValue(PROBLEM)
    return Phone(number) if _is_plain(number) else _planned(number)


def _with_plus(typed: str) -> str:
    return typed if typed.startswith("+") else "+" + typed.removeprefix("00")


def _has_code(typed: str, region: Region) -> bool:
    """Whether only the `+` is missing, as from WhatsApp's ids: 4915... would do as dialled, too."""
    code = str(phonenumbers.country_code_for_region(region))
    return typed.startswith(code) and is_valid(Phone("+" + typed))


def _planned(typed: str) -> Phone:
    """What the numbering plan makes of E.164 as typed: without a trunk prefix, say."""
    if old := _OLD_MEXICAN.fullmatch(typed):
        return Phone("+52" + old[1])
    number = _parsed(typed, None)
    if number is None or not phonenumbers.is_valid_number(number):
        return Phone(typed)
    return _e164(number) or Phone(typed)


def _dialled(typed: str, region: Region) -> Phone | None:
    # `00` dials abroad nearly everywhere. Where it does not, 0011 or 0021 may: left to the library.
    abroad = typed.startswith("00")
    if typed.startswith("+") or (abroad and is_valid(Phone(_with_plus(typed)))):
        return None
    if region == "MX" and (old := _OLD_MEXICAN.fullmatch(typed)):
        return Phone("+52" + old[1])
    if (number := _parsed(typed, region)) is None:
        return None
    # What begins with one 0 cannot be international: it need not be a number that is given out.
    could_be = typed.startswith("0") and not abroad and _has_shape(number)
    return _e164(number) if could_be or phonenumbers.is_valid_number(number) else None


def _parsed(text: str, region: Region | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _has_shape(number: phonenumbers.PhoneNumber) -> bool:
    """Whether its plan has room for it: numbers as long as this that begin as it does."""
    country = phonenumbers.region_code_for_country_code(number.country_code or 0)
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if plan is None or plan.general_desc is None:
        return False
    digits = phonenumbers.national_significant_number(number)
    return bool(re.fullmatch(plan.general_desc.national_number_pattern or "", digits))


def _e164(number: phonenumbers.PhoneNumber) -> Phone | None:
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(text) if _E164.fullmatch(text) or _SHORT.fullmatch(text) else None


def _clean(value: object) -> str:
    """The ASCII digits, after a `+` if there is one."""
    text = str(value) if type(value) is int and value > 0 else value
    if not isinstance(text, str) or len(text) > TYPED_CHARACTERS_MAX:
        raise BadValue(PROBLEM)
    text = _SEPARATORS.sub("", text.translate(_FULL_WIDTH)).lstrip(".")
    text = _URI.sub("", text).lstrip(".")
    digits = "".join(map(_ascii, text.removeprefix("+")))
    if number := _DECIMAL.fullmatch(digits):
        digits = number[1]
    digits = digits.replace(".", "")
    return "+" + digits if text.startswith("+") else digits


def _ascii(character: str) -> str:
    if character == ".":
        return character
    digit = unicodedata.decimal(character, None)
    if digit is None:
        raise BadValue(PROBLEM)
    return str(digit)
