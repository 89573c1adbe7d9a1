"""Traces: whether a body that nobody has read yet names somebody who is to be erased."""

import re
import unicodedata
from collections.abc import Iterable

import phonenumbers

from kith.domain import email as emails

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL)
_SEPARATORS = re.compile(r"[\s().+\-/\[\]{}\u058a\u2010-\u2015\u2212]+")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
NATIONAL_DIGITS_MIN = 7
ID_CHARACTERS_MIN = 8
"""What is shorter stands in bodies for many other things: a customer 12 and twelve of something."""


class Traces:
    """What somebody is known by: phones in E.164, addresses, ids in other systems, usernames."""

    def __init__(
        self, *, phones: Iterable[str] = (), emails: Iterable[str] = (), ids: Iterable[str] = ()
    ) -> None:
        self._emails = {_key(one) for one in emails}
        patterns = [_digits_of(phone) for phone in phones]
        long = [one.casefold() for one in ids if len(one) >= ID_CHARACTERS_MIN]
        patterns += [rf"(?<!\w){re.escape(one)}(?!\w)" for one in long]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def are_in(self, body: bytes) -> bool:
        text = _folded(_ESCAPE.sub(_unescaped, body.decode(errors="replace")))
        if any(one in text for one in self._emails):
            return True
        if self._pattern is None:
            return False
        # Once as it stands, once with the marks gone that people put between digits.
        return any(self._pattern.search(one) for one in (text, _joined(text)))


def _key(address: str) -> str:
    return emails.key(address).casefold()


def _digits_of(phone: str) -> str:
    """The number in any spelling: international, as dialled at home, or without anything before."""
    digits = phone.removeprefix("+")
    national = _national(phone)
    if len(national) < NATIONAL_DIGITS_MIN:
        return rf"(?<!\d){digits}(?!\d)"
    code = digits.removesuffix(national)
    return rf"(?<!\d)(?:0{{0,2}}{code})?0?{national}(?!\d)"


def _national(phone: str) -> str:
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return phone.removeprefix("+")


def _joined(text: str) -> str:
    return _SEPARATORS.sub(lambda match: "" if _is_between_digits(text, match) else match[0], text)


def _is_between_digits(text: str, match: re.Match[str]) -> bool:
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return (before.isdigit() or not before.isalnum()) and after.isdigit()


def _folded(text: str) -> str:
    """Without case, with the digits of every script as 0 to 9, and without what is not seen."""
    text = text.casefold()
    if text.isascii():
        return text
    text = _PAIR.sub(_one_character, text)
    text = _OTHER_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    return _UNSEEN.sub("", text).translate(_FULL_WIDTH)


def _one_character(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]
