"""Phones: one number, one spelling inside (row T16.1)."""

import contextlib

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kith.domain import phone
from kith.errors import BadValue

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
TYPES = [
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.TOLL_FREE,
]

E164 = st.one_of(
    st.builds(
        lambda code, rest: f"+{code}{rest}",
        st.sampled_from(CODES),
        st.text("0123456789", min_size=4, max_size=14),
    ),
    st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
).filter(lambda text: 8 <= len(text) <= 16)
BLANKS = st.text(" \t\u00a0.-()/[]\u2010\u2013\u202a\u200b\u3000（）－", max_size=3)


def read(text: str) -> str | None:
    try:
        return phone._read(text)
    except BadValue:
        return None


@pytest.mark.row("T16.1")
@pytest.mark.parametrize("zone", range(1, 10))
def test_fast_path_equals_the_library(zone: int) -> None:
    """For every calling code: each first digit or two, each length, and the plan's own examples."""
    for code in (code for code in CODES if str(code).startswith(str(zone))):
        for number in _numbers(code):
            if phone._is_plain(number):
                assert read(number) == number


def _numbers(code: int) -> set[str]:
    numbers = {
        f"+{code}{start}{'23456789012345'[: length - len(str(code)) - len(start)]}"
        for start in [*map(str, range(10)), "00", "01", "08", "09", "10", "80", "90"]
        for length in (7, 9, 11, 12, 15)
    }
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        trunk = plan.national_prefix if plan and plan.national_prefix else "0"
        for kind in TYPES:
            if example := phonenumbers.example_number_for_type(region, kind):
                national = phonenumbers.national_significant_number(example)
                numbers |= {f"+{code}{start}{national}" for start in ("", "0", trunk)}
    return numbers


@pytest.mark.row("T16.1")
@given(E164)
def test_fast_path_equals_the_library_for_any_number(number: str) -> None:
    if phone._is_plain(number):
        assert read(number) == number


@pytest.mark.row("T16.1")
@given(st.one_of(E164, st.text(max_size=20), st.text("+0123456789 -().tel:", max_size=24)))
def test_parsed_twice_is_parsed_once(text: str) -> None:
    try:
        once = phone.parse(text)
    except BadValue:
        return
    assert phone.parse(once) == once
    assert phone._E164.fullmatch(once)


@pytest.mark.row("T16.1")
@given(E164, st.data())
def test_every_spelling_is_the_same_number(number: str, data: st.DataObject) -> None:
    canonical = phone.parse(number)
    digits = canonical[1:]
    zero = data.draw(st.sampled_from("0０٠۰०০"))
    typed = "".join(
        data.draw(BLANKS) + chr(ord(zero) + int(digit)) for digit in digits
    ) + data.draw(BLANKS)
    start = data.draw(st.sampled_from(["+", "＋", "00", "", "tel:+", "TEL:00", "Tel: +"]))
    assume(len(start + typed) <= phone.TYPED_CHARACTERS_MAX)
    assert phone.parse(data.draw(BLANKS) + start + typed) == canonical


@pytest.mark.row("T16.1")
@given(E164, E164)
def test_different_numbers_never_merge(one: str, other: str) -> None:
    """Two that are canonical stay two, however they are typed."""
    one, other = phone.parse(one), phone.parse(other)
    spellings = {phone.parse(f"00 {one[1:3]}-{one[3:]}"), phone.parse(one[1:])}
    assert spellings == {one}
    assert (other in spellings) == (one == other)


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+49 (0) 30 123456", "+4930123456"),
        ("0033 6 12 34 56 78", "+33612345678"),
        ("+39 06 698 1234", "+39066981234"),  # Italy keeps its 0
        ("+52 55 1234 5678", "+525512345678"),
        ("+54 9 11 2345 6789", "+5491123456789"),
        ("+55 (0xx)", None),
        ("+999 123 4567", "+9991234567"),
        ("+1 415 555 0123 ", "+14155550123"),
        ("+" + "1" * 15, "+" + "1" * 15),
        (14155550123, "+14155550123"),
        (True, None),
        (-14155550123, None),
        (14155550123.0, None),
        (None, None),
        (b"+14155550123", None),
        ("+1415555012²", None),
        ("+1415555012①", None),
        ("+1\u0000415555012", None),
    ],
)
def test_table(typed: object, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BadValue):
            phone.parse(typed)
    else:
        assert phone.parse(typed) == expected


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()))
def test_anything_is_a_phone_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        assert phone._E164.fullmatch(phone.parse(value))
