"""Readings: the numbers that somebody may have meant by what they typed (the field's rules).

A number is kept under one of them, the first; it is looked for under each.
"""

from kith.domain import phone, whatsapp
from kith.domain.phone import Phone, Region, Typed
from kith.errors import BadValue

WHOLE_DIGITS_MIN = 11
"""What is shorter may lack its country code and begin like another country's."""


def of(value: object, *, region: Region | None) -> tuple[tuple[Phone, ...], ...]:
    """The likeliest first; those that stand together are equally likely. Raises BadValue.

    The first is the one that is kept. `51968541943` typed in Brazil is a mobile of Porto Alegre
    and, where a `+` was lost, one of Peru: if both have a contact, nobody can tell who is meant.
    What is a number in the region alone is sought with a `+` last: it may be kept as once typed.
    """
    if region is None:
        return ((phone.parse(value),),)
    kept, at_home = _read(value, region)
    if kept == value:
        return ((kept,),)
    both = (at_home, _international(value))
    others = tuple(number for number in both if number and number != kept)
    if all(_is_likely(number) for number in others):
        return ((kept, *others),)
    return ((kept,), others)


def sure(typed: Typed, *, region: Region | None) -> Phone | None:
    """The number that somebody meant who cannot be asked; None when it may be another's.

    Where no country is known, only what is whole with its country code is one.
    """
    try:
        if region is None:
            number, at_home = phone.parse(typed.digits), None
        else:
            number, at_home = _read(typed.digits, region)
    except BadValue:
        return None
    if number == at_home:
        return number
    is_whole = len(number) > WHOLE_DIGITS_MIN and phone.is_valid(number)
    return number if is_whole else None


def _read(value: object, region: Region) -> tuple[Phone, Phone | None]:
    """What is kept, and whom it reaches when it is dialled in the region."""
    kept, at_home = phone.parse(value, region=region), phone.dialled(value, region=region)
    if at_home is None and region == "BR" and not phone.is_valid(kept):
        at_home = _without_nine(value, region)
        kept = at_home or kept
    return kept, at_home


def _without_nine(value: object, brazil: Region) -> Phone | None:
    """A mobile as it was before all got a 9: some still write so, and WhatsApp knows it."""
    number = phone.behind_code(value, region=brazil)
    return number if number is not None and whatsapp.variant(number) is not None else None


def _international(value: object) -> Phone | None:
    try:
        return phone.parse(value)
    except BadValue:
        return None


def _is_likely(number: Phone) -> bool:
    return whatsapp.variant(number) is not None or phone.is_valid(number)
