"""Phones: one number, one spelling inside (row T16.1)."""

import contextlib
import unicodedata
from typing import Any

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


REGIONS = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)).map(phone.parse_region)


@pytest.mark.row("T16.1")
@pytest.mark.parametrize("zone", range(1, 10))
def test_fast_path_equals_the_library(zone: int) -> None:
    """For every calling code: each first digit or two, each length, and the plan's own examples."""
    for code in (code for code in CODES if str(code).startswith(str(zone))):
        for number in _numbers(code):
            if phone._is_plain(number):
                assert phone._planned(number) == number


def _numbers(code: int) -> set[str]:
    numbers = {
        f"+{code}{start}{'23456789012345'[: length - len(str(code)) - len(start)]}"
        for start in [*map(str, range(10)), "00", "01", "08", "09", "10", "80", "90"]
        for length in range(7, 16)
    }
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
        trunk = plan.national_prefix if plan and plan.national_prefix else "0"
        for kind in TYPES:
            if example := phonenumbers.example_number_for_type(region, kind):
                national = phonenumbers.national_significant_number(example)
                numbers |= {
                    f"+{code}{start}{national}" for start in ("", "0", "1", "8", "90", trunk)
                }
    return numbers


@pytest.mark.row("T16.1")
@given(E164)
def test_fast_path_equals_the_library_for_any_number(number: str) -> None:
    if phone._is_plain(number):
        assert phone._planned(number) == number


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
    whole = data.draw(BLANKS) + start + typed
    decimals = [unicodedata.decimal(one, None) for one in whole[whole.rfind(".") :]]
    zeros = [one for one in decimals if one is not None]
    assume(whole.count(".") != 1 or any(zeros) or not 1 <= len(zeros) <= 2)
    assert phone.parse(whole) == canonical


@pytest.mark.row("T16.1")
@given(
    E164,
    st.sampled_from(["", "+", "00", " +", "tel:+", "Tel: ", "\u202a+"]),
    st.sampled_from([".0", ".00", "\uff0e0", ".0 ", ". 0", ".0\u202c", ".\u0660"]),
    st.sampled_from([" ", "-", "\u00a0", ") (", ""]),
)
def test_a_column_of_numbers_gives_its_numbers(
    number: str, start: str, end: str, between: str
) -> None:
    """pandas and spreadsheets write 33612345612.0, which is no digit more."""
    canonical = phone.parse(number)
    typed = canonical[1:4] + between + canonical[4:7] + between + canonical[7:]
    assert phone.parse(start + typed + end) == canonical


@pytest.mark.row("T16.1")
@pytest.mark.parametrize("end", [".0", ".00"])
def test_every_example_is_itself_with_decimals(end: str) -> None:
    """Of every plan, as dialled at home and abroad, and in digits of Arabic."""
    arabic = {ord("0") + digit: 0x660 + digit for digit in range(10)}
    styles = phonenumbers.PhoneNumberFormat
    for name in phonenumbers.SUPPORTED_REGIONS:
        region = phone.parse_region(name)
        for kind in TYPES:
            if (example := phonenumbers.example_number_for_type(name, kind)) is None:
                continue
            for style in (styles.E164, styles.INTERNATIONAL, styles.NATIONAL, styles.RFC3966):
                typed = phonenumbers.format_number(example, style)
                if "." in typed:
                    continue
                meant = _parsed(typed, region)
                for written in (typed, typed.translate(arabic), f"\u202a{typed}\u202c"):
                    assert _parsed(written + end, region) == meant, written


def _parsed(typed: str, region: phone.Region) -> str | None:
    try:
        return phone.parse(typed, region=region)
    except BadValue:
        return None


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
        ("+44 07911 123456", "+447911123456"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("+49 (0) 30 123456", "+4930123456"),
        ("0033 6 12 34 56 78", "+33612345678"),
        ("+39 06 698 1234", "+39066981234"),  # Italy keeps its 0
        ("+52 55 1234 5678", "+525512345678"),
        ("+52 1 55 1234 5678", "+5215512345678"),  # impossible, and yet WhatsApp's
        ("+52 (01) 55 1234 5678", "+525512345678"),
        ("+52 044 55 1234 5678", "+525512345678"),
        ("+52 045 55 1234 5678", "+525512345678"),
        ("+52 01 155 123 4567", "+52011551234567"),  # no number of Mexico begins with 1
        ("+52 01 55 1234 567", "+5201551234567"),
        ("+54 9 11 2345 6789", "+5491123456789"),
        ("+54 11 15 2345 6789", "+5491123456789"),
        ("+54 9 11 15 2345 6789", "+549111523456789"),
        ("+55 (0xx)", None),
        ("+98 9601", "+989601"),  # six digits that a plan knows
        ("+98 0 9601", "+989601"),
        ("+98 9501", None),
        ("+123456", None),
        ("+1-800-FLOWERS", None),
        ("+1 415 555 0123 ext. 5", None),
        ("+1 415 555 0123;ext=5", None),
        ("+1 415 555 0123 x5", None),
        ("06 12 34 56 78", None),
        ("33612345612.0", "+33612345612"),
        ("+33612345612.00", "+33612345612"),
        ("1415555.0000", "+14155550000"),  # so many zeros are dialled
        ("1 415 555 2676.0", "+14155552676"),
        ("\u202a+14155552677.0\u202c", "+14155552677"),
        ("١٤١٥٥٥٥٢٦٧٥.٠", "+14155552675"),
        ("tel:+14155552675.0", "+14155552675"),
        (".14155552675", "+14155552675"),
        ("+1.415.555.2675.0", "+141555526750"),  # not the only dot
        ("3361234561.2", "+33612345612"),
        ("33.6.12.34.56.0.0", "+33612345600"),
        ("123456.0", None),
        ("4.15556E+10", None),
        ("1234567", "+1234567"),
        ("123456", None),
        ("1" * 16, None),
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


@pytest.mark.row("T16.1")
@pytest.mark.parametrize(
    ("typed", "region", "expected"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("tel:06.12.34.56.78", "FR", "+33612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "FR", "+33612345678"),
        ("6 12 34 56 78", "FR", "+33612345678"),
        (612345678, "FR", "+33612345678"),
        ("612345678.0", "FR", "+33612345678"),
        ("4155552675.0", "US", "+14155552675"),
        ("(415) 555-2678.0", "US", "+14155552678"),
        ("06 12 34 56 78.00", "FR", "+33612345678"),
        ("06.12.34.56.00", "FR", "+33612345600"),
        ("415.555.2670", "US", "+14155552670"),
        ("415555.2670", "US", "+14155552670"),
        ("33612345678", "FR", "+33612345678"),
        ("+33 6 12 34 56 78", "BR", "+33612345678"),
        ("0033 6 12 34 56 78", "BR", "+33612345678"),
        ("0033 6 12 34 56 78", "AU", "+33612345678"),
        ("0011 33 6 12 34 56 78", "AU", "+33612345678"),  # Australia dials abroad like this
        ("00 21 33 6 12 34 56 78", "BR", "+33612345678"),
        ("011 33 6 12 34 56 78", "US", "+33612345678"),
        ("0055 27 90178-4243", "BR", "+5527901784243"),  # by carrier 55 South Africa's 27...
        ("007 498 333-45-51", "SG", "+74983334551"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("06 698 1234", "IT", "+39066981234"),
        ("07 00 12 34 56", "FR", "+33700123456"),  # not given out yet
        ("07 00 12 34 5", "FR", None),
        ("07 00 12 34 567", "FR", None),
        ("06 12 34 56 78", "MX", None),
        ("0 12 34 56 78", "FR", None),
        ("011 33 7 00 12 34 56", "US", "+33700123456"),
        ("011 800 1234 567", "US", None),
        ("015 1234", "DE", "+49151234"),
        ("0 15", "DE", None),
        ("04 12 34 56 78", "CI", "+2250412345678"),  # not given out; its 0 belongs to it
        ("(555) 555-5555", "US", "+5555555555"),  # no number there, so as typed
        ("51968541943", "BR", "+5551968541943"),
        ("51968541943", "PE", "+51968541943"),
        ("51968541943", None, "+51968541943"),
        ("4915123456789", "DE", "+4915123456789"),  # 04915... would be another's
        ("04915123456789", "DE", "+494915123456789"),
        ("558899448232", "BR", "+558899448232"),
        ("5215512345678", "MX", "+5215512345678"),
        ("525512345678", "MX", "+525512345678"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("045 55 1234 5678", "MX", "+525512345678"),
        ("01 55 1234 5678", "MX", "+525512345678"),
        ("01 200 000 0000", "MX", "+522000000000"),  # length is enough
        ("044 155 123 4567", "MX", None),
        ("5201 55 1234 5678", "MX", "+525512345678"),
        ("044 55 1234 5678", "US", None),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        ("11 2345-6789", "AR", "+541123456789"),
        ("9 11 15 2345 6789", "AR", "+9111523456789"),
        ("1-800-FLOWERS", "US", None),
        ("(415) 555-2671 ext. 5", "US", None),
        ("", "FR", None),
        ("0", "FR", None),
        ("00", "FR", None),
        ("000612345678", "FR", None),
        (True, "FR", None),
        (0, "FR", None),
    ],
)
def test_a_number_of_a_region(typed: object, region: Any, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BadValue):
            phone.parse(typed, region=region)
    else:
        assert phone.parse(typed, region=region) == expected


@pytest.mark.row("T16.1")
@given(st.one_of(E164, st.text("+0123456789", max_size=16)), REGIONS, REGIONS)
def test_parsed_in_a_region_is_parsed_anywhere(text: str, one: Any, other: Any) -> None:
    try:
        number = phone.parse(text, region=one)
    except BadValue:
        return
    assert phone._E164.fullmatch(number)
    assert phone.parse(number) == phone.parse(number, region=other) == number
    if text.startswith("+"):
        assert phone.dialled(text, region=one) is None
        assert phone.parse(text) == number


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("FR", "FR"),
        (" us ", "US"),
        ("XK", "XK"),
        ("UK", None),
        ("FRA", None),
        ("001", None),
        ("", None),
        ("33", None),
        (33, None),
        (None, None),
    ],
)
def test_a_region_has_a_numbering_plan(given: object, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BadValue, match="two letters of a country"):
            phone.parse_region(given)
    else:
        assert phone.parse_region(given) == expected


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()))
def test_anything_is_a_phone_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        assert phone._E164.fullmatch(phone.parse(value))
