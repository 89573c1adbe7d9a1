"""Columns of phones: known by the words of their names, and the likeliest for WhatsApp first."""

import re
import unicodedata
from functools import cache

MAPPED, WHATSAPP, MOBILE, ANY, PLACE, BILLING, ADDRESS = range(7)
"""Which of several columns comes first. The phone of an address may be somebody else's (field 4.2):
such a column counts only in a file that has no better one."""

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER_OF = re.compile(r"(?<=..)(?:nr|nummer|number|nummern)\Z")


@cache
def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WHATSAPP = words_of("whatsapp wa واتساب")
_MOBILE = words_of(
    "mobile mobil mobiltelefon cell cellphone cellular mobilephone portable gsm movil celular"
    " telemovel handy cellulare telefonino mobiel msisdn sms الجوال جوال الموبايل موبايل"
)
_PHONE = words_of(
    "phone telephone tel ph telefon telefono telefone telefoon fone ruf telefonu الهاتف هاتف"
)
_PLACES = words_of(
    "home work business office company landline other fixe domicile bureau travail pro"
    " professionnel autre casa trabajo oficina fijo otro trabalho comercial residencial fixo outro"
    " lavoro ufficio fisso altro festnetz privat geschaftlich dienstlich buro werk thuis vast"
)
_ADDRESSES = words_of(
    "shipping delivery address livraison adresse envio entrega direccion endereco spedizione"
)
_BILLING = words_of("billing facturation facturacion faturamento fatturazione rechnung")
_UNWRITTEN = words_of("fax telefax pager beeper bipeur")
"""Nobody has WhatsApp there."""
_BESIDE = words_of(
    "number numero num no nr nro n o nummer numarasi رقم value primary principal main default"
    " customer client cliente contact contacto contato user cep de do del della du di da le of and"
    " or e y et und ou"
)
"""Beside such a word these say nothing more: a customer number alone is no phone."""


def rank(name: str) -> int | None:
    """None for a column that, as far as its name tells, holds no phone.

    `Tel.-Nr.`, `Phone 2 - Value` and `N° de portable` are; `Phone type` and `Work` are not.
    """
    words = words_in(name)
    those = words & (_WHATSAPP | _MOBILE | _PHONE)
    if not those or words - those - _PLACES - _ADDRESSES - _BILLING - _BESIDE:
        return None
    return _rank(words)


def rank_of_label(label: str) -> int:
    """Of a number that a cell beside it calls so: `Mobile`, `Home`, `Work Fax`."""
    words = words_in(label)
    return ADDRESS if words & _UNWRITTEN else _rank(words)


def _rank(words: set[str]) -> int:
    kinds = (
        (_BILLING, BILLING),
        (_ADDRESSES, ADDRESS),
        (_WHATSAPP, WHATSAPP),
        (_MOBILE, MOBILE),
        (_PLACES, PLACE),
    )
    return next((rank for known, rank in kinds if words & known), ANY)


def words_in(name: str) -> set[str]:
    """Without case and accents; `Telefonnummer` and `Handynr` without their end."""
    return {_NUMBER_OF.sub("", word) for word in _WORD.findall(_plain(name))}


def _plain(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
