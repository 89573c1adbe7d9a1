"""The demo: the documents' example contact, and invented ones that are always the same."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

import msgspec

from kith.domain import json, phone
from kith.domain.contacts import Contact, Source
from kith.domain.phone import Phone

WORKSPACE_UUID = "00000000-0000-7000-8000-0000000de300"
WORKSPACE_NAME = "Kith demo"
USER_EMAIL = "demo@example.com"
CONSENT_NOTE = "Invented, as everybody in the demo is."
NUMBER_MAX = 7_999_999
"""The last number that a phone of this shape has room for."""

EXAMPLE_TAGS = ("vip", "fr-FR")
EXAMPLE_PHONE = phone.parse("+14155550123")
TAGS = ("vip", "fr-FR", "newsletter", "wholesale", "returning", "beta-testers", "in-store")
TAGS_MAX = 4
SOURCES: tuple[Source, ...] = get_args(Source)
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(2026, 5, 1, tzinfo=UTC)

# Locale, pattern, given names, family names.
_PEOPLES = (
    ("fr", "{} {}", "Camille Hugo Inès Jules Léa Zoé", "Bernard Dubois Lefèvre Moreau Petit"),
    ("en", "{} {}", "Ava Grace Liam Noah Olivia Theo", "Brown Clarke Johnson O'Neill Taylor"),
    ("es", "{} {}", "Álvaro Carmen Iván Lucía Sofía", "García Muñoz Núñez Pérez Ruiz"),
    ("de", "{} {}", "Anneliese Björn Jürgen Käthe Lena", "Groß Köhler Müller Schäfer Weiß"),
    ("pt-BR", "{} {}", "Beatriz Caio João Letícia Thaís", "Araújo Conceição Gonçalves Silva"),
    ("it", "{} {}", "Aurora Chiara Matteo Niccolò", "Bianchi Esposito Ferrari Rossi"),
    ("pl", "{} {}", "Agnieszka Łukasz Michał Zofia", "Kowalski Nowak Wiśniewska Wójcik"),
    ("tr", "{} {}", "Ayşe Çağla Emre İbrahim", "Çelik Demir Şahin Yılmaz"),
    ("vi", "{1} {0}", "Anh Dũng Hương Thảo", "Lê Nguyễn Phạm Trần"),
    ("ja", "{1} {0}", "陽菜 翔太 美咲 健一", "佐藤 鈴木 高橋 田中"),
    ("zh", "{1}{0}", "秀英 伟 芳 建国", "李 王 张 刘"),
    ("ar", "{} {}", "أحمد فاطمة ليلى يوسف", "الحسن خليل منصور"),
    ("hi", "{} {}", "अनिका आरव दीया विवान", "कुमार पटेल शर्मा सिंह"),
    ("yo", "{} {}", "Adébáyọ̀ Fọláṣadé Olúwaṣeun", "Adéyẹmí Ọ̀gúnléye"),
    ("uk", "{} {}", "Богдан Дарина Олена", "Бондаренко Шевченко"),
)
_WITHOUT_LOCALE = 13  # one in so many
_WITHOUT_NAME = 17


def phone_of(number: int) -> Phone:
    """+1415, then seven digits: 2000000 plus the number."""
    return phone.parse(f"+1415{2_000_000 + number}")


def numbers(first: int, last: int) -> list[int]:
    """The contacts from `first` to `last`, without the one whose phone is the example's."""
    taken = int(EXAMPLE_PHONE.removeprefix("+1415")) - 2_000_000
    return [number for number in range(first, last + 1) if number != taken]


def example(*, id: str) -> Contact:  # noqa: A002  (the field's name)
    """The contact of the documents (reference section 7)."""
    created_at = datetime(2026, 4, 15, 10, 32, tzinfo=UTC)
    last_message_at = datetime(2026, 5, 7, 8, 14, 23, tzinfo=UTC)
    return Contact(
        id=id,
        phone=EXAMPLE_PHONE,
        name="Romain",
        email="romain@example.com",
        source="shopify",
        locale="fr",
        metadata=msgspec.Raw(json.encode({"shopify_id": "12345"})),
        tags=_tags_json(EXAMPLE_TAGS),
        opted_in_at=created_at,
        opted_out_at=None,
        last_message_at=last_message_at,
        total_messages=27,
        created_at=created_at,
        updated_at=last_message_at,
        row_id=0,
    )


def contact(number: int, *, id: str) -> Contact:  # noqa: A002  (the field's name)
    """Contact `number`, from 1 to NUMBER_MAX; the same in every database but for its id."""
    mixed = _mixed(number)
    locale, names = _peoples()[mixed % len(_PEOPLES)]
    source = SOURCES[mixed // 16 % len(SOURCES)]
    age_s = mixed % _SPAN_S
    created_at = LAST_DAY - timedelta(seconds=age_s)
    messages = mixed // 64 % 60 if mixed // 256 % 4 else 0
    quiet = timedelta(seconds=age_s // (messages + 1))
    last_message_at = LAST_DAY - quiet if messages else None
    opted_in_at = created_at + timedelta(minutes=mixed % 60) if mixed // 1024 % 5 < 3 else None
    left = opted_in_at is not None and mixed // 4096 % 12 == 0
    return Contact(
        id=id,
        phone=phone_of(number),
        name=names[mixed // 8 % len(names)] if number % _WITHOUT_NAME else None,
        email=f"contact{number}@example.com" if number % 10 or number == 10 else None,
        source=source,
        locale=locale if number % _WITHOUT_LOCALE else None,
        metadata=_metadata(source, number),
        tags=_tags_json(_tag_sets()[mixed // 128 % len(_tag_sets())]),
        opted_in_at=opted_in_at,
        opted_out_at=opted_in_at + timedelta(days=20) if opted_in_at and left else None,
        last_message_at=last_message_at,
        total_messages=messages,
        created_at=created_at,
        updated_at=last_message_at or created_at,
        row_id=0,
    )


_SPAN_S = int((LAST_DAY - FIRST_DAY).total_seconds())
_32_BITS = 2**32


def _mixed(number: int) -> int:
    """32 bits that look random and never change: neighbours have little in common."""
    mixed = number * 0x9E3779B1 % _32_BITS
    mixed = (mixed ^ mixed >> 15) * 0x85EBCA77 % _32_BITS
    return mixed ^ mixed >> 13


@cache
def _peoples() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each locale with every name of it."""
    return tuple(
        (locale, tuple(pattern.format(g, f) for g in given.split() for f in family.split()))
        for locale, pattern, given, family in _PEOPLES
    )


@cache
def _tag_sets() -> tuple[tuple[str, ...], ...]:
    """Every run of 0 to TAGS_MAX tags, around the end of the list too."""
    around = TAGS * 2
    return tuple(
        around[start : start + count] for start in range(len(TAGS)) for count in range(TAGS_MAX + 1)
    )


@cache
def _tags_json(names: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(json.encode(names))


_NO_METADATA = msgspec.Raw(b"{}")


def _metadata(source: Source, number: int) -> msgspec.Raw:
    if source == "shopify":
        return msgspec.Raw(b'{"shopify_id":"%d"}' % (700_000 + number))
    if source == "woocommerce":
        return msgspec.Raw(b'{"customer":{"id":%d,"orders":%d}}' % (number, number % 9))
    return _NO_METADATA
