"""What a contact is searched by: a text with its case folded here, never by a database (T16.2)."""

import unicodedata
from collections.abc import Iterable

GRAM = 3
GRAMS_MAX = 6
"""As many of a long query narrow it down enough: what is found is compared with the whole."""

# Two at the end, so that also the last letter of a field begins a trigram. No query holds one.
_END = "\n" * (GRAM - 1)


def fold(text: str) -> str:
    """The text without its case, in any alphabet: ß is ss, and the Turkish İ is an i.

    A letter and its accent are one, however a keyboard writes them (Vietnamese ones differ).
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFD", text).casefold().replace("i\u0307", "i")
    return unicodedata.normalize("NFC", folded)


def key(*, name: str | None, phone: str | None, email: str | None) -> str:
    """The three fields, each on a line of its own."""
    fields = (name and fold(name), phone, email and fold(email))  # a number has no case
    there = _END.join(filter(None, fields))
    return there + _END if there else ""


def grams(folded: str) -> tuple[str, ...]:
    """Trigrams of a query, from its first to its last; none when it is shorter than one."""
    found = list(dict.fromkeys(folded[at : at + GRAM] for at in range(len(folded) - GRAM + 1)))
    if len(found) > GRAMS_MAX:
        last = len(found) - 1
        found = [found[number * last // (GRAMS_MAX - 1)] for number in range(GRAMS_MAX)]
    return tuple(found)


def all_of(terms: Iterable[str]) -> str:
    """The full-text query for rows that have each of the trigrams."""
    return " AND ".join(map(_quoted, terms))


def any_of(terms: Iterable[str]) -> str:
    return " OR ".join(map(_quoted, terms))


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
