"""Words that opt out and in: whole messages in many disguises, and what only looks like one."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import consent_words
from kith.domain.consent_words import word

STOP = {
    "English": "stop, stopall, stop all, unsubscribe, unsubscribe me, cancel, end, quit, opt out,"
    " optout, remove, remove me, revoke",
    "French": "arrêt, arrêter, arrêtez, désabonner, se désabonner, me désabonner, désabonnement,"
    " désinscrire, désinscription, stop pub",
    "Spanish": "baja, dar de baja, darme de baja, cancelar, cancelar suscripción, parar, detener,"
    " alto, no más mensajes",
    "Portuguese": "parar, pare, sair, cancelar, descadastrar, cancelar inscrição, remover",
    "German": "stopp, abmelden, Abmeldung, abbestellen, keine Werbung",
    "Italian": "annulla, cancella, cancellami, disiscrivi, disiscrivimi, basta, rimuovi",
    "Arabic": "توقف, إيقاف, أوقف, قف, إلغاء, إلغاء الاشتراك",
}
START = {
    "English": "start, unstop, subscribe, resubscribe",
    "French": "reprendre, réabonner, abonner",
    "Spanish": "alta, reanudar, suscribir",
    "Portuguese": "voltar, inscrever, retomar",
    "German": "anmelden, fortsetzen",
    "Italian": "iscrivi, iscrivimi, riprendi",
    "Arabic": "ابدأ, اشتراك, اشترك",
}
WORDS = [
    (one, kind)
    for kind, languages in (("stop", STOP), ("start", START))
    for line in languages.values()
    for one in line.split(", ")
]


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text).replace(
        " ", "\u3000"
    )


def bold(text: str) -> str:
    """The mathematical letters that people paste for bold type."""
    return "".join(chr(0x1D400 + ord(c) - 65) if "A" <= c <= "Z" else c for c in text)


def bare(text: str) -> str:
    """As many type it: no accents, no hamza."""
    apart = unicodedata.normalize("NFD", text)
    return "".join(c for c in apart if not unicodedata.combining(c))


DISGUISES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "loud": str.upper,
    "title": str.title,
    "mixed case": str.swapcase,
    "bare": bare,
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "accents of its own": lambda text: "\u0301".join(text) + "\u0301",
    "enclosed": lambda text: "\u20dd".join(text) + "\u20dd",
    "punctuation": lambda text: f"¡¿({text}!!)...",
    "quotes": lambda text: f"«\u00a0“{text}”\u00a0»",
    "formatted": lambda text: f"*_~{text}~_*",
    "emoji": lambda text: f"🛑✋🏽 {text} 👩\u200d👧❤\ufe0f🇫🇷",
    "keycap": lambda text: f"#\ufe0f\u20e3{text}",
    "blanks": lambda text: "\r\n\t" + text.replace(" ", " \n\u00a0\t ") + "  \n",
    "hyphens": lambda text: "- " + text.replace(" ", "-") + " -",
    "dashes": lambda text: text.replace(" ", " \u2013\u2011\u2014\u2212"),
    "full width": full_width,
    "bold": lambda text: bold(text.upper()),
    "direction marks": lambda text: f"\u202b\u200f{text}\u200e\u202c\ufeff",
    "invisible": lambda text: "\u200d".join(text),
    "soft hyphens": lambda text: "\u00ad".join(text),
    "tatweel": lambda text: text.replace("ا", "ا\u0640\u0640"),
    "vowel marks": lambda text: "\u064e".join(text) + "\u0651",
    "once more": lambda text: text + "!" * 1_000,
}


@pytest.mark.parametrize(("text", "kind"), WORDS)
def test_every_word_in_every_disguise(text: str, kind: str) -> None:
    found = {name: word(disguised(text)) for name, disguised in DISGUISES.items()}
    assert found == dict.fromkeys(DISGUISES, kind)


def test_each_word_is_listed_once_folded() -> None:
    listed = {kind: {consent_words.fold(one) for one, k in WORDS if k == kind} for _, kind in WORDS}
    assert listed == {"stop": consent_words._STOP, "start": consent_words._START}
    assert not consent_words._STOP & consent_words._START


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Arret", "stop"),
        ("ARRÊT", "stop"),
        ("opt-out", "stop"),
        ("Opt–Out.", "stop"),
        ("STOP-ALL", "stop"),
        ("ﺗﻮﻗﻒ", "stop"),  # presentation forms
        ("تَوَقُّف", "stop"),
        ("تـــوقف", "stop"),
        ("آيقاف", "stop"),
        ("ٱلغاء الٱشتراك", "stop"),
        ("İSCRİVİ", "start"),  # a Turkish keyboard
        ("ⓢⓣⓞⓟ", None),  # signs, as emoji are
        ("²stop", None),
        ("anmelden 👍", "start"),
    ],
)
def test_spellings(text: str, kind: str | None) -> None:
    assert word(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "!", "...", "👍", "🛑", "\u200b", "\u0301", "\u0640", "_", "-",
        "don't stop", "Don’t stop", "DONT STOP", "do not stop", "never stop", "please don't cancel",
        "stop it please", "please stop", "stop please", "stop, please", "stop!stop", "stop stop",
        "stops", "stopped", "stopping", "nonstop", "non-stop", "bus stop", "s.t.o.p", "s t o p",
        "stop1", "stop 2", "1 stop", "0", "the end", "weekend", "end of story", "cancel my order",
        "cancelled", "remove it", "unsubscribed", "quit smoking", "optin", "opt in", "opt",
        "no", "No.", "yes", "ok", "OK!", "fin", "fine", "ende", "Ende.", "si", "sí", "oui", "nein",
        "td", "baja california", "bajar", "alto voltaje", "altavoz", "no mas", "mas mensajes",
        "basta pasta", "werbung", "keine", "pub", "all", "me", "out", "start now", "restart",
        "starting", "subscribed", "je veux arreter de fumer", "لا توقف", "توقفت", "الاشتراك",
        "stop\u0430ll", "ѕтор", "stop,baja", "stop / baja", "stop unsubscribe", "stop 👍 all",
    ],
)  # fmt: skip
def test_says_nothing(text: str) -> None:
    assert word(text) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Genug!", "stop"),
        ("ＧＥＮＵＧ", "stop"),
        ("ne plus ecrire", "stop"),
        ("SCHLUSS", "stop"),
        ("كفايه", "stop"),
        ("علي", "start"),
        ("weiter", "start"),
        ("both", "stop"),
        ("stop", "stop"),
        ("", None),
        ("👍", None),
        ("other", None),
    ],
)
def test_words_of_a_workspace(text: str, kind: str | None) -> None:
    more_stop = ["genug", "Ne plus écrire", "Schluß", "كفاية", "both", "", "👍"]
    more_start = ["Weiter!", "على", "both", "STOP", "!"]
    assert word(text, more_stop=more_stop, more_start=more_start) == kind


@given(st.text(), st.text(st.sampled_from(" !?.,-_*~\n\u200f\ufe0f👍🏽🛑❤"), max_size=30))
def test_what_is_around_does_not_matter(text: str, around: str) -> None:
    assert word(around + text + around) == word(text)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = consent_words.fold(text)
    assert consent_words.fold(folded) == folded


def test_a_long_message_is_no_word() -> None:
    room = consent_words.CHARACTERS_MAX - len("stopall")
    assert word("stop" + " " * room + "all") == "stop"
    assert word("stop" + " " * (room + 1) + "all") is None
    around = "!" * (consent_words.MESSAGE_CHARACTERS_MAX - len("stop"))
    assert word("stop" + around) == "stop"
    assert word("stop" + around + "!") is None


@pytest.mark.parametrize(
    "text",
    ["a" * 4_096, "!" * 4_096, "!a" * 2_048, "!" * 4_095 + "a", "a" + "!" * 2_047 + "a" * 2_048,
     "e\u0301" * 2_048, "\u0301" * 4_096, "stop " * 819, "👍" * 4_096, "!" * 65_536,
     # NFKC makes 18 letters of one.
     "\ufdfa" * 4_096, "\ufdfa" * consent_words.CHARACTERS_MAX],
)  # fmt: skip
def test_a_long_message_is_cheap(text: str) -> None:
    took_s = []
    for _ in range(5):
        began = time.thread_time()
        assert word(text) is None
        took_s.append(time.thread_time() - began)
    assert min(took_s) < 0.005
