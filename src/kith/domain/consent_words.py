"""Words by which people opt out and in again: the whole message, in any language at once.

Among them are those that AWS requires, but for "td". Ordinary words such as "no", "ok" or "fin"
are not: they say nothing unless they answer a question.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

MESSAGE_CHARACTERS_MAX = 4_096
"""A longer message is no word, and is not looked at."""
CHARACTERS_MAX = 128
"""Of a message without the punctuation around it; a longer one is not folded."""

_AROUND = re.compile(r"\A[\W_]+")
_BLANKS = re.compile(r"[\s\u2010-\u2015\u2212-]+")
_LETTERS = str.maketrans({"ى": "ي", "ة": "ه", "ٱ": "ا", "\u0640": None})  # the last is tatweel
_MARKS = {"Mn", "Me", "Cf"}


def fold(text: str) -> str:
    """The text as words are compared: without case, accents, Arabic vowel marks, signs around.

    Of letters written in several ways one is left, of blanks and hyphens one space.
    """
    if text.isascii():  # nothing to take apart
        return _trimmed(_BLANKS.sub(" ", text.casefold()))
    text = unicodedata.normalize("NFKC", text).casefold()
    # Taken apart, a letter has its accents, and an Arabic alef its hamza, as marks behind it.
    parts = unicodedata.normalize("NFKD", text).translate(_LETTERS)
    bare = "".join(part for part in parts if unicodedata.category(part) not in _MARKS)
    return _trimmed(_BLANKS.sub(" ", bare))


def word(
    text: str, *, more_stop: Iterable[str] = (), more_start: Iterable[str] = ()
) -> Literal["stop", "start"] | None:
    """What a message, or the payload or title of a button, asks for when it is such a word.

    The words of a workspace count beside the ones here. A word of both kinds is a stop.
    """
    if len(text) > MESSAGE_CHARACTERS_MAX:
        return None
    # What is around a word may be long, and goes before the costly part.
    text = _trimmed(text)
    if len(text) > CHARACTERS_MAX or not (folded := fold(text)):
        return None
    if folded in _STOP or folded in map(fold, more_stop):
        return "stop"
    if folded in _START or folded in map(fold, more_start):
        return "start"
    return None


def languages(text: str) -> list[str]:
    """Those in which a text is a word to opt out."""
    folded = fold(_trimmed(text)[:CHARACTERS_MAX])
    return [language for language, words in _STOPS.items() if folded in words]


def _trimmed(text: str) -> str:
    """Without what is neither letter nor digit at both ends: blanks, punctuation, emoji, marks."""
    # From the left, then backwards: a pattern for the end alone would be tried at every character.
    return _AROUND.sub("", _AROUND.sub("", text, count=1)[::-1], count=1)[::-1]


def _words(*lines: str) -> frozenset[str]:
    return frozenset(fold(one) for line in lines for one in line.split(","))


_STOPS = {
    "en": _words(
        "stop, stopall, stop all, unsubscribe, unsubscribe me, cancel, end, quit, opt out, optout",
        "remove, remove me, revoke",
    ),
    "fr": _words(
        "arret, arreter, arretez, desabonner, se desabonner, me desabonner, desabonnement",
        "desinscrire, desinscription, stop pub",
    ),
    "es": _words(
        "baja, dar de baja, darme de baja, cancelar, cancelar suscripcion, parar, detener, alto",
        "no mas mensajes",
    ),
    "pt": _words("parar, pare, sair, cancelar, descadastrar, cancelar inscricao, remover"),
    "de": _words("stopp, abmelden, abmeldung, abbestellen, keine werbung"),
    "it": _words("annulla, cancella, cancellami, disiscrivi, disiscrivimi, basta, rimuovi"),
    "ar": _words("توقف, ايقاف, اوقف, قف, الغاء, الغاء الاشتراك"),
}
_STOP = frozenset[str]().union(*_STOPS.values())
_START = _words(
    "start, unstop, subscribe, resubscribe",
    "reprendre, reabonner, abonner",
    "alta, reanudar, suscribir",
    "voltar, inscrever, retomar",
    "anmelden, fortsetzen",
    "iscrivi, iscrivimi, riprendi",
    "ابدا, اشتراك, اشترك",
)
