"""Readings: every number of every numbering plan is found as it is spelled, and nobody else is."""

from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from kith.domain import phone, readings, whatsapp
from kith.domain.phone import Phone
from kith.errors import BadValue

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
ARGENTINES = {"+541123456789", "+5491123456789"}


def e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def examples() -> Iterator[tuple[str | None, phonenumbers.PhoneNumber]]:
    """Every example of the plans, with its region if it has one."""
    for region in REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            if number := phonenumbers.example_number_for_type(region, kind):
                yield region, number
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        if number := phonenumbers.example_number_for_non_geo_entity(code):
            yield None, number


EXAMPLES = {(region, e164(number)): number for region, number in examples()}
NUMBERS = {text for _, text in EXAMPLES}


def spellings(region: Any, number: phonenumbers.PhoneNumber) -> Iterator[tuple[str, Any]]:
    """What people write, and the default region it is read with."""
    text = e164(number)
    for given_region in {None, region}:
        yield text, given_region
        yield text[1:], given_region
        yield "00" + text[1:], given_region
        yield phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL), given_region
        yield phonenumbers.format_number(number, PhoneNumberFormat.RFC3966), given_region
    if region:
        yield phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL), region


@pytest.mark.row("T16.1")
def test_every_example_of_every_plan_is_kept_as_itself() -> None:
    assert len(NUMBERS) > 950
    wrong = [
        (typed, given_region, kept)
        for (region, text), number in EXAMPLES.items()
        for typed, given_region in spellings(region, number)
        if (kept := phone.parse(typed, region=given_region)) != text
    ]
    assert wrong == []


@pytest.mark.row("T16.1")
def test_every_spelling_of_an_example_finds_it_alone() -> None:
    """Under every reading and its variant; Argentina's two examples are one line."""
    for (region, text), number in EXAMPLES.items():
        for typed, given_region in spellings(region, number):
            ranks = readings.of(typed, region=given_region)
            assert text in ranks[0]
            sought = {one for rank in ranks for one in rank}
            sought |= {other for one in sought if (other := whatsapp.variant(one))}
            assert sought & NUMBERS == (ARGENTINES if text in ARGENTINES else {text})


@pytest.mark.row("T16.1")
def test_no_two_examples_are_variants_but_argentinas() -> None:
    assert {text for text in NUMBERS if whatsapp.variant(Phone(text)) in NUMBERS} == (ARGENTINES)


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    ("typed", "region", "expected"),
    [
        ("+33 6 12 34 56 78", "BR", [["+33612345678"]]),
        ("+33612345678", None, [["+33612345678"]]),
        ("0033 6 12 34 56 78", "BR", [["+33612345678"]]),
        ("06 12 34 56 78", "FR", [["+33612345678"]]),
        ("33612345678", "FR", [["+33612345678"]]),
        # Both are somebody's: equal.
        ("51968541943", "BR", [["+5551968541943", "+51968541943"]]),
        ("51968541943", "PE", [["+51968541943"]]),
        ("51968541943", "FR", [["+51968541943"]]),
        ("51968541943", None, [["+51968541943"]]),
        # One of them has lost its +, the other its 0.
        ("4915123456789", "DE", [["+4915123456789", "+494915123456789"]]),
        ("04915123456789", "DE", [["+494915123456789"]]),
        ("55 4004 1234", "BR", [["+5540041234", "+555540041234"]]),
        # WhatsApp knows what no plan does.
        ("5215512345678", "MX", [["+5215512345678"]]),
        ("558899448232", "BR", [["+558899448232"]]),
        ("5215512345678", "DE", [["+495215512345678", "+5215512345678"]]),  # or Bielefeld
        # Mobiles of Brazil as they were dialled once; what is somebody's abroad is theirs.
        ("(88) 9944-8232", "BR", [["+558899448232"], ["+8899448232"]]),
        ("1187650002", "BR", [["+551187650002"], ["+1187650002"]]),
        ("(11) 1765-0002", "BR", [["+1117650002"]]),
        ("45 9944-8232", "BR", [["+4599448232"]]),
        ("6561234567", "BR", [["+6561234567"]]),
        ("1 551 234 5678", "MX", [["+15512345678"]]),
        ("13123456789", "MX", [["+13123456789"]]),
        ("(268) 460-1234", "MX", [["+2684601234"]]),
        ("3212345678", "AR", [["+3212345678"]]),
        # Only the region's is a number; the other might have been kept as typed.
        ("(415) 555-2671", "US", [["+14155552671"], ["+4155552671"]]),
        ("5555555555", "US", [["+5555555555"]]),
        ("044 55 1234 5678", "MX", [["+525512345678"]]),
        ("011 15 2345-6789", "AR", [["+5491123456789"]]),
        ("11 2345-6789", "AR", [["+541123456789"], ["+1123456789"]]),
        ("011 33 6 12 34 56 78", "US", [["+33612345678"]]),
        ("0011 33 6 12 34 56 78", "AU", [["+33612345678"], ["+1133612345678"]]),
        (51968541943, "BR", [["+5551968541943", "+51968541943"]]),
        ("06 12 34 56 78", None, None),
        ("1-800-FLOWERS", "US", None),
        (None, "FR", None),
    ],
)
def test_table(typed: object, region: Any, expected: list[list[str]] | None) -> None:
    if expected is None:
        with pytest.raises(BadValue):
            readings.of(typed, region=region)
    else:
        assert readings.of(typed, region=region) == tuple(map(tuple, expected))


@pytest.mark.row("T16.1")
@given(
    st.one_of(st.text("0123456789", min_size=6, max_size=15), st.text("+0123456789 -()")),
    st.sampled_from([None, *REGIONS]),
)
def test_what_is_kept_is_sought_first(typed: str, region: Any) -> None:
    try:
        kept = phone.parse(typed, region=region)
    except BadValue:
        with pytest.raises(BadValue):
            readings.of(typed, region=region)
        return
    ranks = readings.of(typed, region=region)
    sought = [number for rank in ranks for number in rank]
    if sought[0] != kept:  # as WhatsApp has it, and no plan
        assert not phone.is_valid(kept)
        assert whatsapp.variant(sought[0]) is not None
    assert len(sought) == len(set(sought)) <= 2
    if region is None or typed.startswith("+"):
        assert sought == [kept]


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    ("typed", "region", "expected"),
    [
        ("0612345678", "FR", "+33612345678"),
        ("0612345678", None, None),
        ("51968541943", "BR", "+5551968541943"),
        ("51968541943", None, "+51968541943"),
        ("8899448232", "BR", "+558899448232"),
        ("4599448232", "BR", None),  # it is Danish
        ("1117650002", "BR", None),
    ],
)
def test_only_what_is_sure_is_kept_of_who_cannot_be_asked(
    typed: str, region: Any, expected: str | None
) -> None:
    assert readings.sure(phone.Typed(typed), region=region) == expected
