"""A column of calling codes beside one of numbers: `33` and `612345678`, as WATI writes them."""

import re

import phonenumbers

from kith.domain import phone, whatsapp
from kith.domain.phone import Phone, Typed
from kith.errors import BadValue

_CODE = re.compile(r"\+?([1-9][0-9]{0,2})(?:\.0{1,2})?", re.ASCII)


def of_cell(written: str) -> str | None:
    """None for what is no calling code, such as the letters of a country."""
    match = _CODE.fullmatch(written)
    if match is None or int(match[1]) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    return match[1]


def number_behind(code: str, typed: Typed) -> Phone:
    """The number of that code, which it may have already; raises BadValue.

    It must be one that is known: such a column may hold other numbers, and a code that is not meant
    as one would make a stranger's.
    """
    if typed.digits.startswith("00"):
        return phone.parse(typed.digits)
    for digits in (typed.digits, code + typed.digits):
        if digits.startswith(code) and (number := _known("+" + digits)) is not None:
            return number
    raise BadValue(phone.PROBLEM)


def _known(written: str) -> Phone | None:
    try:
        number = phone.parse(written)
    except BadValue:
        return None
    spellings = (number, whatsapp.variant(number))
    return number if any(one is not None and phone.is_valid(one) for one in spellings) else None
