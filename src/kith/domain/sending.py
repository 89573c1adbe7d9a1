"""Messages that leave: what Meta is told, when not, and in which words that is refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kith.domain import consent_words, fillings, graph, json
from kith.domain.graph import CODES
from kith.domain.messages import Error, Message
from kith.domain.reachability import Kind, Reachability, Reason, Verdict
from kith.domain.templates import Category

TEXT_CHARACTERS_MAX = 4_096
ANSWER_S_MAX = 25.0
"""How long a caller waits for the outcome (row L6)."""
RECOVERED_AFTER = timedelta(seconds=60)
"""Whoever was about to send it has died by then: longer than an answer and a call may take."""
WAITS_S = (1.0, 2.0, 4.0, 8.0)
"""Between the tries that a caller waits for."""
UNREACHED = Error(131016, CODES[131016].title, "Meta could not be reached.")

_OF_CODE: dict[Reason, int] = {
    "number_unavailable": 131031,  # of a restricted account; else the code that was told
    "phone_needed": 131062,
    "country_restricted": 130497,
    "not_on_whatsapp": 131026,
    "meta_stopped": 131050,
    "marketing_paused": 131048,
    "frequency_capped": 131049,
    "experiment": 130472,
    "meta_refused": 131047,
    "window_closed": 131047,
    "never_wrote": 131047,
}
"""Reasons for which Meta would refuse as well: its code is told, whether it was asked or not."""
_IN_WORDS: dict[Reason, str] = {
    "no_address": "Contact has neither a phone nor a WhatsApp id",
    "blocked": "Contact is blocked",
    "opted_out": "Contact has opted out of {kind} messages",
    "identity_changed": "Contact's number may belong to somebody else now",
    "consent_pending": "Contact has not confirmed the opt-in to {kind} messages",
    "consent_unknown": "Contact has not opted in to {kind} messages",
}

CONFIRMATIONS = {
    "en": "You are unsubscribed: no more offers from us. Reply START if you want them again.",
    "fr": "Vous êtes désabonné : plus d'offres de notre part. Répondez REPRENDRE pour en recevoir"
    " à nouveau.",
    "es": "Se ha dado de baja: ya no recibirá ofertas nuestras. Responda ALTA si las quiere de"
    " nuevo.",
    "pt": "Inscrição cancelada: não receberá mais ofertas nossas. Responda VOLTAR se as quiser de"
    " novo.",
    "de": "Sie sind abgemeldet und bekommen keine Angebote mehr von uns. Antworten Sie ANMELDEN,"
    " wenn Sie sie wieder möchten.",
    "it": "Iscrizione annullata: non riceverà più offerte da noi. Risponda ISCRIVIMI se le vuole di"
    " nuovo.",
    "ar": "تم إلغاء اشتراكك، ولن نرسل إليك عروضا بعد الآن. أرسل اشتراك إذا أردتها من جديد.",
}
"""What somebody reads who has opted out, by language."""


def confirmation(said: str, *, locale: str | None, phone: str | None) -> str:
    """In the contact's language where it is known, else in that of the word they sent."""
    known = (locale or "").replace("_", "-").split("-")[0].lower()
    spoken = consent_words.languages(said)
    if "pt" in spoken and (phone or "").startswith(("+55", "+351")):
        spoken.insert(0, "pt")  # some words are Spanish, too
    language = known if known in CONFIRMATIONS else next(iter(spoken), "en")
    return CONFIRMATIONS[language]


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message is not sent. `code` is Meta's, of which one is 0; None where it has none."""

    text: str
    reason: Reason | None = None
    code: int | None = None
    title: str = ""

    @property
    def error(self) -> Error:
        return Error(self.code or 0, self.title or self.text)


def kind_of(category: Category) -> Kind:
    """The kind of message that a template of this category is."""
    return "marketing" if category == "MARKETING" else "utility"


def verdict_of(given: Reachability, kind: Kind) -> Verdict:
    verdict: Verdict = getattr(given, kind)
    return verdict


def denied(reason: Reason, kind: Kind, *, unavailable_code: int | None = None) -> Denial:
    """In Meta's words where it would say the same; of a number, as it said last."""
    code = _OF_CODE.get(reason)
    if reason == "number_unavailable" and unavailable_code is not None:
        code = unavailable_code
    if code is not None:
        return msgspec.structs.replace(rejected(Error(code)), reason=reason)
    words = _IN_WORDS[reason].format(kind=kind)
    return Denial(text=words, reason=reason, title=words)


def rejected(error: Error) -> Denial:
    """What Meta refused, or would."""
    title = graph.refusal(error.code, error.title).title
    return Denial(text=f"Message rejected by Meta: {title}", code=error.code, title=title)


def unfit(category: str | None, address: str | None) -> Denial | None:
    """Why a message cannot go to that address: a code to sign in with goes to a phone only."""
    if category == "AUTHENTICATION" and not (address or "").startswith("+"):
        return rejected(Error(131062))
    return None


def outdated(message: Message, now: datetime) -> Denial | None:
    """Why a message that waited is sent no more: the offer that it makes has ended."""
    content: dict[str, Any] = json.decode_object(bytes(message.content))
    ends_at = fillings.offer_ends_at(content.get("components") or [])
    return Denial(text="Its offer has ended") if ends_at is not None and ends_at <= now else None


def told(message: Message) -> Denial | None:
    """Why a message was refused; None when WhatsApp has it, or may have or get it."""
    if message.status != "failed" or message.wamid is not None:
        return None
    error = message.delivery.error or UNREACHED
    # Kith's own words have no code, and no time as Meta never saw the message.
    if error.code == 0 and message.delivery.failed_at is None:
        return Denial(text=error.title or "Message refused")
    return rejected(error)


def text_content(body: str) -> msgspec.Raw:
    return msgspec.Raw(json.encode({"body": body}))


def template_content(body: str, components: Sequence[Mapping[str, Any]]) -> msgspec.Raw:
    """The body as it is read, and what the template was filled with."""
    return msgspec.Raw(json.encode({"body": body, "components": components}))


def payload(message: Message) -> dict[str, Any]:
    """What Meta is told: to `+` and digits or a business-scoped id, with our id for statuses."""
    content = json.decode_object(bytes(message.content))
    address = message.address or ""
    found: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if address.startswith("+") else "recipient": address,
        "type": message.type,
        "biz_opaque_callback_data": message.id,
    }
    if message.type == "text":
        found["text"] = {"body": content["body"]}
        return found
    found["template"] = {
        "name": message.template_name,
        "language": {"code": message.template_language},
    }
    if components := content.get("components"):
        found["template"]["components"] = components
    return found
