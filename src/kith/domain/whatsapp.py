"""WhatsApp's two spellings of one number: found by either, never rewritten (the field's rules).

WhatsApp knows some accounts of three countries under other digits than people dial. Prefix and
length decide here, never a library whose opinion changes with its release: what a look-up finds
must not.
"""

import re

from kith.domain.phone import Phone

# By calling code: the digit that the long spelling has more, and what stands before and after it.
_SPELLINGS = {
    # All 67 areas. Behind them only 6, 8, 9: there 2 to 5 are landlines and 7 an old mobile that
    # is not lengthened, so that a 9 put in or taken out would reach somebody else.
    "+55": (
        "9",
        re.compile(
            r"(\+55(?:[14689][1-9]|2[12478]|3[1-578]|5[1345]|7[13-579]))(9?)([689][0-9]{7})"
        ),
    ),
    # No Mexican number begins with 0 or 1, so the old 1 of mobiles is nobody else's.
    "+52": ("1", re.compile(r"(\+52)(1?)([2-9][0-9]{9})")),
    # The area codes: what begins otherwise is toll-free or premium and has no mobile twin.
    "+54": ("9", re.compile(r"(\+54)(9?)(11[0-9]{8}|[23][0-9]{9})")),
}
_INFERRED = "+54"


def variant(phone: Phone) -> Phone | None:
    """The other spelling of the same number; there is at most one, and its variant is this one."""
    if (spelling := _SPELLINGS.get(phone[:3])) is None:
        return None
    digit, pattern = spelling
    if (match := pattern.fullmatch(phone)) is None:
        return None
    before, found, after = match.groups()
    return Phone(before + ("" if found else digit) + after)


def is_inferred(phone: Phone) -> bool:
    """Whether its variant follows from the numbering plan alone, until WhatsApp confirms it."""
    return phone.startswith(_INFERRED) and variant(phone) is not None
