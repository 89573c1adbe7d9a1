"""Columns of consent to WhatsApp: known by the words of their names, in any order."""

from kith.domain.csv_phone_columns import words_in, words_of

_WHATSAPP = words_of("whatsapp wa واتساب")
_CONSENT = words_of(
    "consent optin consentement consentimiento consentimento einwilligung zustimmung consenso"
    " toestemming onay izin subscription subscribed abonnement suscripcion الموافقة موافقة"
)
_BESIDE = words_of(
    "opt in opted marketing status state statut estado stato messages message nachrichten to for"
    " on via de du del da di para per pour a au al fur zu van voor the"
)


def is_consent(name: str) -> bool:
    """Whether it tells if somebody agreed: `Opt-in WhatsApp`, but not when or where.

    Without a word for WhatsApp it may be about e-mail.
    """
    words = words_in(name)
    if not names_whatsapp(name) or words - _WHATSAPP - _CONSENT - _BESIDE:
        return False
    return bool(words & _CONSENT) or words >= {"opt", "in"} or words >= {"opted", "in"}


def names_whatsapp(name: str) -> bool:
    return bool(words_in(name) & _WHATSAPP)
