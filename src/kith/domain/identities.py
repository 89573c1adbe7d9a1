"""Identities: the names beside a phone under which a contact is known, each with one owner."""

import re
from typing import Literal

from kith.domain import text
from kith.errors import BadValue

Kind = Literal["phone", "wa_id", "bsuid", "username", "external"]
Confidence = Literal["given", "reported", "inferred"]
"""By the business, by WhatsApp, or from a numbering plan alone."""

CHARACTERS_MAX = 512
"""Of anything given as an identity; each kind allows less."""
USERNAME_CHARACTERS_MIN = 3
USERNAME_CHARACTERS_MAX = 35
SYSTEM_CHARACTERS_MAX = 32
EXTERNAL_ID_CHARACTERS_MAX = 255

WA_ID_PROBLEM = (
    "must be the digits of a WhatsApp id, such as 14155550123: 7 to 15, the first not 0."
)
BSUID_PROBLEM = (
    "must be a business-scoped user id: the country in two capitals, a dot, then 1 to 128 letters"
    " or digits, such as US.13491208655302741918."
)
EXTERNAL_PROBLEM = (
    "must name a system and the id there, such as shopify:12345; the system in up to"
    f" {SYSTEM_CHARACTERS_MAX} of a-z, 0-9, hyphen and underscore."
)

_WA_ID = re.compile(r"\+?([1-9][0-9]{6,14})")
# With ENT it belongs to a group of businesses.
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_USERNAME = re.compile(r"[A-Za-z0-9._]*")
_SYSTEM = re.compile(rf"[a-z0-9_-]{{1,{SYSTEM_CHARACTERS_MAX}}}")


def parse_wa_id(value: object) -> str:
    """The digits of a WhatsApp id, never read as a phone number; raises BadValue."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**15:
        value = str(value)
    if not (match := _WA_ID.fullmatch(_given(value))):
        raise BadValue(WA_ID_PROBLEM)
    return match[1]


def parse_bsuid(value: object) -> str:
    """A business-scoped user id as sent, whose letters have a case; raises BadValue."""
    if not _BSUID.fullmatch(bsuid := _given(value)):
        raise BadValue(BSUID_PROBLEM)
    return bsuid


def parse_username(value: object) -> str:
    """A WhatsApp username in lower case, without its `@`; raises BadValue.

    WhatsApp also refuses names like web addresses. Which ones is its own affair and changes, so
    they are taken: somebody who has one must be found.
    """
    name = _given(value).removeprefix("@")
    if not USERNAME_CHARACTERS_MIN <= len(name) <= USERNAME_CHARACTERS_MAX:
        raise BadValue(
            f"must be {USERNAME_CHARACTERS_MIN} to {USERNAME_CHARACTERS_MAX} characters long."
        )
    if not _USERNAME.fullmatch(name):
        raise BadValue("may hold the letters a-z, digits, periods and underscores only.")
    if not any(character.isalpha() for character in name):
        raise BadValue("must hold a letter.")
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise BadValue("may hold single periods only, none of them first or last.")
    return name.lower()


def parse_external(value: object) -> str:
    """`system:id`, the id as that system writes it, colons included; raises BadValue."""
    system, _, given = _given(value).partition(":")
    if not _SYSTEM.fullmatch(system) or not (external_id := given.strip()):
        raise BadValue(EXTERNAL_PROBLEM)
    if len(external_id) > EXTERNAL_ID_CHARACTERS_MAX:
        raise BadValue(
            f"may not have an id of more than {EXTERNAL_ID_CHARACTERS_MAX} characters"
            " after the system."
        )
    if not external_id.isprintable():
        raise BadValue("may hold printable characters only.")
    return f"{system}:{external_id}"


def _given(value: object) -> str:
    return text.line(value, characters_max=CHARACTERS_MAX)
