"""Identities: what each kind may hold, and what is said when it does not."""

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import identities
from kith.errors import BadValue

Parse = Callable[[object], str]
PARSERS: list[Parse] = [
    identities.parse_wa_id,
    identities.parse_bsuid,
    identities.parse_username,
    identities.parse_external,
]


def check(parse: Parse, typed: object, expected: str, refused: str | None = None) -> None:
    """`refused`: how the sentence begins that says why not."""
    if refused is None:
        assert parse(typed) == expected
    else:
        with pytest.raises(BadValue, match=re.escape(refused)):
            parse(typed)


DIGITS = "must be the digits of a WhatsApp id"
SHAPE = "must be a business-scoped user id"
LENGTH = "must be 3 to 35 characters long."
LETTERS = "may hold the letters a-z, digits, periods and underscores only."
PERIODS = "may hold single periods only"
SYSTEM = "must name a system and the id there"
STRING = "must be a string."
CONTROL = "may not contain control characters"


@pytest.mark.parametrize(
    ("typed", "expected", "refused"),
    [
        ("14155550123", "14155550123", None),
        ("+14155550123", "14155550123", None),
        (" 14155550123\n", "14155550123", None),
        (14155550123, "14155550123", None),
        ("5215512345678", "5215512345678", None),
        ("558899448232", "558899448232", None),
        ("4407911123456", "4407911123456", None),  # no phone: nothing is taken out
        ("1234567", "1234567", None),
        ("1" * 15, "1" * 15, None),
        ("123456", "", DIGITS),
        ("1" * 16, "", DIGITS),
        ("04155550123", "", DIGITS),
        ("++14155550123", "", DIGITS),
        ("1 415 555 0123", "", DIGITS),
        ("1-415-555-0123", "", DIGITS),
        ("١٤١٥٥٥٥٠١٢٣", "", DIGITS),
        ("1415555012²", "", DIGITS),
        ("US.13491208655302741918", "", DIGITS),
        ("", "", DIGITS),
        (123456, "", DIGITS),
        (-14155550123, "", STRING),
        (True, "", STRING),
        (1e10, "", STRING),
        (None, "", STRING),
        ("1415555\x000123", "", CONTROL),
    ],
)
def test_wa_id(typed: object, expected: str, refused: str | None) -> None:
    check(identities.parse_wa_id, typed, expected, refused)


@pytest.mark.parametrize(
    ("typed", "expected", "refused"),
    [
        ("US.13491208655302741918", "US.13491208655302741918", None),
        (" US.13491208655302741918 ", "US.13491208655302741918", None),
        ("BR.aBc1", "BR.aBc1", None),
        ("US.ENT.11815799212886844830", "US.ENT.11815799212886844830", None),
        ("US.ENT", "US.ENT", None),
        ("US." + "a" * 128, "US." + "a" * 128, None),
        ("US." + "a" * 129, "", SHAPE),
        ("US.ENT." + "a" * 129, "", SHAPE),
        ("us.13491208655302741918", "", SHAPE),
        ("Us.1", "", SHAPE),
        ("USA.1", "", SHAPE),
        ("US.", "", SHAPE),
        ("US.ENT.", "", SHAPE),
        ("US.ent.1", "", SHAPE),
        ("US.1.2", "", SHAPE),
        ("US.1-2", "", SHAPE),
        ("US.é", "", SHAPE),
        ("US.١", "", SHAPE),
        ("13491208655302741918", "", SHAPE),
        ("", "", SHAPE),
        (1, "", STRING),
        (None, "", STRING),
        ("US.1\n2", "", CONTROL),
    ],
)
def test_bsuid(typed: object, expected: str, refused: str | None) -> None:
    check(identities.parse_bsuid, typed, expected, refused)


@pytest.mark.parametrize(
    ("typed", "expected", "refused"),
    [
        ("jane.doe_1", "jane.doe_1", None),
        ("@Jane.Doe", "jane.doe", None),
        ("  @jane ", "jane", None),
        ("abc", "abc", None),
        ("1_a", "1_a", None),
        ("__a__", "__a__", None),
        ("a" * 35, "a" * 35, None),
        ("@" + "a" * 35, "a" * 35, None),
        ("jane.com", "jane.com", None),
        ("ab", "", LENGTH),
        ("@ab", "", LENGTH),
        ("a" * 36, "", LENGTH),
        ("", "", LENGTH),
        ("@@jane", "", LETTERS),
        ("jane doe", "", LETTERS),
        ("jane-doe", "", LETTERS),
        ("janè", "", LETTERS),
        ("\u212aate", "", LETTERS),  # the Kelvin sign is no k
        ("jane١", "", LETTERS),
        ("12345", "", "must hold a letter."),
        ("1._2", "", "must hold a letter."),
        (".jane", "", PERIODS),
        ("jane.", "", PERIODS),
        ("ja..ne", "", PERIODS),
        (123, "", STRING),
        (None, "", STRING),
        ("ja\x00ne", "", CONTROL),
        ("a" * 513, "", "may not be greater than 512 characters."),
    ],
)
def test_username(typed: object, expected: str, refused: str | None) -> None:
    check(identities.parse_username, typed, expected, refused)


@pytest.mark.parametrize(
    ("typed", "expected", "refused"),
    [
        ("shopify:12345", "shopify:12345", None),
        (" shopify: 12345 ", "shopify:12345", None),
        ("shopify:gid://shopify/Customer/1", "shopify:gid://shopify/Customer/1", None),
        ("woo_45-b:Ab C", "woo_45-b:Ab C", None),
        ("crm:é日", "crm:é日", None),
        ("a" * 32 + ":1", "a" * 32 + ":1", None),
        ("crm:" + "é" * 255, "crm:" + "é" * 255, None),
        ("crm:" + "1" * 256, "", "may not have an id of more than 255 characters"),
        ("a" * 33 + ":1", "", SYSTEM),
        ("Shopify:1", "", SYSTEM),
        ("shop ify:1", "", SYSTEM),
        ("shopify :1", "", SYSTEM),
        ("é:1", "", SYSTEM),
        (":1", "", SYSTEM),
        ("shopify:", "", SYSTEM),
        ("shopify: ", "", SYSTEM),
        ("shopify:\u2003", "", SYSTEM),
        ("12345", "", SYSTEM),
        ("", "", SYSTEM),
        ("crm:1\u200b2", "", "may hold printable characters only."),
        ("crm:1\u202e2", "", "may hold printable characters only."),
        ("crm:1\u20282", "", "may hold printable characters only."),
        ("crm:1\n2", "", CONTROL),
        ("crm:1\x7f2", "", CONTROL),
        (12345, "", STRING),
        (None, "", STRING),
    ],
)
def test_external(typed: object, expected: str, refused: str | None) -> None:
    check(identities.parse_external, typed, expected, refused)


VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=600),
    st.text("aZ09._@+:-_ US", max_size=40),
    st.from_regex(r"\+?[1-9][0-9]{6,14}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,9}|[a-z]+:.+"),
)


@pytest.mark.parametrize("parse", PARSERS)
@given(value=VALUE)
def test_anything_is_taken_or_refused_and_taken_again(parse: Parse, value: Any) -> None:
    with contextlib.suppress(BadValue):
        once = parse(value)
        assert parse(once) == once


def test_a_number_too_large_to_write_is_refused() -> None:
    with pytest.raises(BadValue):
        identities.parse_wa_id(10**5000)
