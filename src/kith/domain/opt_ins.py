"""Opt-ins asked for on a web page: pending until the person confirms by a message of their own."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from kith.domain.connections import Connection
from kith.domain.phone import Phone
from kith.errors import BadValue

Locale = Literal["en", "fr", "es", "pt", "de", "it", "ar"]
LOCALES: tuple[Locale, ...] = get_args(Locale)
"""In which the form speaks."""

CODE_COUNTS = timedelta(hours=48)
"""How long after it was given a code may be sent."""
KEPT = timedelta(days=10)
"""An opt-in that nobody confirmed is forgotten then: Meta's deliveries take up to 7 days more."""
BEHIND_MAX = timedelta(seconds=5)
"""By how much WhatsApp's clock may be behind Kith's."""

ORIGINS_MAX = 50
WORDING_CHARACTERS_MAX = 2_000
VERSION_CHARACTERS_MAX = 64
ORIGIN_PROBLEM = "must be the scheme and host of a web page, such as https://shop.example."

_ORIGIN = re.compile(r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_OWN_PORT = {"http": ":80", "https": ":443"}
_CODE = re.compile(r"\bOPTIN-([A-Z2-7]{24})\b", re.IGNORECASE)
_CODE_BYTES = 15

DEFAULT_VERSION = "default-1"
_DEFAULT_WORDINGS: dict[Locale, str] = {
    "en": "I agree that {name} may send me offers and news on WhatsApp. I can end this at any time"
    " by writing STOP.",
    "fr": "J’accepte que {name} m’envoie des offres et des actualités sur WhatsApp. Je peux y"
    " mettre fin à tout moment en écrivant STOP.",
    "es": "Acepto que {name} me envíe ofertas y novedades por WhatsApp. Puedo darme de baja en"
    " cualquier momento escribiendo BAJA.",
    "pt": "Aceito que {name} me envie ofertas e novidades pelo WhatsApp. Posso cancelar a qualquer"
    " momento escrevendo SAIR.",
    "de": "Ich bin einverstanden, dass {name} mir Angebote und Neuigkeiten per WhatsApp schickt."
    " Ich kann das jederzeit beenden, indem ich STOP schreibe.",
    "it": "Accetto che {name} mi invii offerte e novità su WhatsApp. Posso interrompere in"
    " qualsiasi momento scrivendo STOP.",
    "ar": "أوافق على أن ترسل لي {name} العروض والأخبار عبر واتساب. يمكنني إيقاف ذلك في أي وقت"
    " بكتابة STOP.",
}
_MESSAGES: dict[Locale, str] = {
    "en": "Yes, please send me your messages. {code}",
    "fr": "Oui, envoyez-moi vos messages. {code}",
    "es": "Sí, quiero recibir sus mensajes. {code}",
    "pt": "Sim, quero receber as suas mensagens. {code}",
    "de": "Ja, bitte schickt mir eure Nachrichten. {code}",
    "it": "Sì, desidero ricevere i vostri messaggi. {code}",
    "ar": "نعم، أرسلوا لي رسائلكم. {code}",
}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a form on a page is about. `whatsapp` is the number that confirmations go to."""

    origins: tuple[str, ...]
    wording_version: str
    whatsapp: Phone | None = None
    tags: tuple[str, ...] = ()


class OptIn(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed; who it is, only a message of theirs can tell.

    Of one that was confirmed, what was typed is gone.
    """

    id: str
    connection_id: str
    name: str | None
    phone: Phone | None
    locale: Locale
    wording: str
    wording_version: str
    evidence: Mapping[str, Any]
    asked_at: datetime
    used_at: datetime | None

    @property
    def expires_at(self) -> datetime:
        return self.asked_at + CODE_COUNTS


def terms_of(connection: Connection) -> Terms:
    return msgspec.convert(connection.config, Terms)


def parse_origin(value: str) -> str:
    """As browsers send it; raises BadValue."""
    scheme, _, host = value.strip().lower().removesuffix("/").partition("://")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise BadValue(ORIGIN_PROBLEM) from None
    origin = f"{scheme}://{host}"
    if not _ORIGIN.fullmatch(origin):
        raise BadValue(ORIGIN_PROBLEM)
    return origin.removesuffix(_OWN_PORT[scheme])


def default_wordings(name: str) -> dict[str, str]:
    """By language, with the name of whoever asks."""
    return {locale: text.format(name=name) for locale, text in _DEFAULT_WORDINGS.items()}


def in_language(texts: Mapping[str, str], locale: Locale) -> str:
    """A wording of one's own has one language only, which nobody told."""
    return texts.get(locale) or texts.get("en") or next(iter(texts.values()))


def compose_code(secret: bytes) -> str:
    """120 bits of chance, as part of a message."""
    return "OPTIN-" + base64.b32encode(secret[:_CODE_BYTES]).decode()


def code_in(text: str) -> str | None:
    """The code in a message that somebody sent, whatever else they wrote."""
    found = _CODE.search(text)
    return "OPTIN-" + found[1].upper() if found else None


def digest(code: str) -> str:
    """What is stored of a code: it cannot be guessed, so a plain hash will do."""
    return hashlib.sha256(code.encode()).hexdigest()


def confirmed_at(opt_in: OptIn, sent_at: datetime) -> datetime:
    """When a code was sent: after it was asked for, though WhatsApp's clock may be a little behind.

    It tells whole seconds. By no more, so that a stop sent next is never taken for an earlier one.
    """
    if timedelta(0) <= opt_in.asked_at - sent_at <= BEHIND_MAX:
        return opt_in.asked_at + timedelta(microseconds=1)
    return sent_at


def message(locale: Locale, code: str) -> str:
    """What the person sends to confirm."""
    return _MESSAGES[locale].format(code=code)
