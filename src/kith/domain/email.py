"""E-mail addresses: syntax only, kept as sent, compared without case."""

import re

from email_validator import EmailNotValidError, validate_email

from kith.errors import BadValue

CHARACTERS_MAX = 254
PROBLEM = "must be a valid email address."

# Everyday addresses need no library, which takes 40 us. "--" may be punycode: left to it.
_PLAIN = re.compile(
    r"[\w+]+(?:[.-]+[\w+]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
LOCAL_CHARACTERS_MAX = 64


def parse(value: object) -> str:
    """The address, trimmed, otherwise as sent; raises BadValue."""
    if not isinstance(value, str):
        raise BadValue(PROBLEM)
    text = value.strip()
    if len(text) > CHARACTERS_MAX:
        raise BadValue(f"may not be greater than {CHARACTERS_MAX} characters.")
    if not _is_plain(text):
        try:
            validate_email(text, check_deliverability=False, test_environment=True, strict=False)
        except EmailNotValidError:
            raise BadValue(PROBLEM) from None
    return text


def as_shown(value: object) -> str | None:
    """The address when it is an everyday one in ASCII, so that nothing is left to read."""
    if not isinstance(value, str) or len(value) > CHARACTERS_MAX or not value.isascii():
        return None
    return value if _is_plain(value) else None


def key(address: str) -> str:
    """What is compared: case is folded here, never by a database (row T16.2).

    Only letters of one alphabet meet: the Kelvin sign is no k and ß is no ss, or one person's
    address would find another's contact.
    """
    if address.isascii():
        return address.lower()
    return "".join(
        character if not character.isascii() and character.lower().isascii() else character.lower()
        for character in address
    )


def _is_plain(text: str) -> bool:
    return (
        "--" not in text
        and ".." not in text
        and text.find("@") <= LOCAL_CHARACTERS_MAX
        and _PLAIN.fullmatch(text) is not None
        and (text.isascii() or len(text.encode()) <= CHARACTERS_MAX)
    )
