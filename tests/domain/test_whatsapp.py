"""WhatsApp's spellings: one variant at most, the same both ways, and nobody else's number."""

import re
from itertools import product

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberType

from kith.domain import phone, whatsapp
from kith.domain.phone import Phone

# What Google's migration recipes lengthen: area and first digit.
BRAZILIAN_RECIPES = (
    "553[1-578][689] 554[1-9][689] 555[13-5][689] 556[1-9][689] 557[13-579][689] 558[1-9][689]"
    " 559[1-9][689]"
)
AREAS_WITHOUT_A_RECIPE = "11 12 13 14 15 16 17 18 19 21 22 24 27 28"
# How a number begins whose 521 the recipes make 52.
MEXICAN_RECIPES = (
    "22[1-9] 23[1-35-8] 24[13-9] 27[1-689] 28[1-578] 29[467] 31[1-79] 3[2458][1-9] 33 37[1-8]"
    " 39[1-5] 41[1-57-9] 4[24-7][1-9] 43[1-8] 48[1-35-9] 49[2-689] 5[56] 588 59[1-79] 61[2-68]"
    " 6[2-4][1-9] 65[1-3689] 66[1-57-9] 67[1-7] 68[67] 69[4-8] 7[1-467][1-9] 75[13-9] 78[1-69]"
    " 79[17] 81 82[13-689] 83[1-6] 84[124-6] 86[1246-9] 87[1-378] 89[12479] 91[346-9] 92[1-4]"
    " 93[2-46-8] 95[1348] 9[69][1-9] 97[12] 98[1-8]"
)
BEGINNINGS_WITHOUT_A_RECIPE = "200 201 220 300 440 450 500 657 660 720 770 800 870 888 900 960 990"
AREAS = {
    f"{area}"
    for area in range(10, 100)
    if any(re.fullmatch(recipe, f"55{area}8") for recipe in BRAZILIAN_RECIPES.split())
} | {*AREAS_WITHOUT_A_RECIPE.split()}

ANY = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
NEAR = st.builds(
    str.__add__,
    st.sampled_from(["+55", "+559", "+5511", "+55119", "+52", "+521", "+54", "+549", "+5411"]),
    st.text("0123456789", min_size=5, max_size=11),
).filter(lambda text: len(text) <= 16)


def number(text: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(text)


def is_valid(text: str) -> bool:
    return phonenumbers.is_valid_number(number(text))


def pattern(region: str, kind: str) -> str:
    plan = PhoneMetadata.metadata_for_region(region)
    return str(getattr(plan, kind).national_number_pattern)


def numbers_of(region: str, *kinds: str) -> st.SearchStrategy[Phone]:
    """Valid numbers of these kinds, such as `mobile`."""
    code = phonenumbers.country_code_for_region(region)
    patterns = "|".join(pattern(region, kind) for kind in kinds)
    return (
        st.from_regex(f"(?a:{patterns})", fullmatch=True)
        .map(lambda digits: Phone(f"+{code}{digits}"))
        .filter(is_valid)
    )


@pytest.mark.parametrize(
    ("one", "other", "inferred"),
    [
        ("+558899448232", "+5588999448232", False),
        ("+553196883193", "+5531996883193", False),
        ("+552164180266", "+5521964180266", False),
        ("+551187654321", "+5511987654321", False),
        ("+5215512345678", "+525512345678", False),
        ("+5491123456789", "+541123456789", True),
        ("+5492235551234", "+542235551234", True),
        ("+5493715654320", "+543715654320", True),
    ],
)
def test_each_finds_the_other(one: str, other: str, inferred: bool) -> None:
    for this, that in [(Phone(one), other), (Phone(other), one)]:
        assert whatsapp.variant(this) == that
        assert whatsapp.is_inferred(this) == inferred


@pytest.mark.parametrize(
    "alone",
    [
        "+551133334444",  # a landline
        "+5511933334444",  # somebody's mobile
        "+554532782153",
        "+5545932782153",
        "+553171234567",  # an old mobile
        "+5531971234567",
        "+552096883193",  # no area
        "+5520996883193",
        "+55119876543210",
        "+55118765432",
        "+551987654321098",
        "+5511087654321",  # a digit more, but no 9
        "+5215512345",
        "+5211512345678",
        "+521512345678",
        "+5255123456789",
        "+520512345678",
        "+52155123456789",
        "+548001234567",  # toll-free
        "+546001234567",  # premium
        "+5498001234567",
        "+541234567890",
        "+5491234567890",
        "+54112345678",
        "+54112345678901",
        "+14155550123",
        "+51968541943",
        "+56987654321",
        "+5511987",
    ],
)
def test_stands_alone(alone: str) -> None:
    assert whatsapp.variant(Phone(alone)) is None
    assert not whatsapp.is_inferred(Phone(alone))


@pytest.mark.parametrize("area", [f"{area}" for area in range(10, 100)])
def test_brazil(area: str) -> None:
    """By area and first digit: the recipes and 14 areas more. The short form is nobody else's."""
    for first in "0123456789":
        short, long = Phone(f"+55{area}{first}1234567"), Phone(f"+55{area}9{first}1234567")
        if area in AREAS and first in "689":
            assert (whatsapp.variant(short), whatsapp.variant(long)) == (long, short)
            assert not is_valid(short)
            assert phonenumbers.number_type(number(long)) == PhoneNumberType.MOBILE
        else:
            assert whatsapp.variant(short) is whatsapp.variant(long) is None


def test_brazil_has_67_areas() -> None:
    assert len(AREAS) == 67
    assert len({*AREAS_WITHOUT_A_RECIPE.split()}) == 14
    landlines = re.compile(pattern("BR", "fixed_line"))
    valid = {f"{area}" for area in range(10, 100) if landlines.fullmatch(f"{area}31234567")}
    assert valid == AREAS


@pytest.mark.parametrize("start", f"{MEXICAN_RECIPES} {BEGINNINGS_WITHOUT_A_RECIPE}".split())
def test_mexico(start: str) -> None:
    found = [f"{digits}" for digits in range(100, 1000) if re.match(start, f"{digits}")]
    assert found
    for digits in found:
        short, long = Phone(f"+52{digits}1234567"), Phone(f"+521{digits}1234567")
        assert (whatsapp.variant(short), whatsapp.variant(long)) == (long, short)
        assert not is_valid(long)


@pytest.mark.parametrize(("first", "second"), list(product("0123456789", repeat=2)))
def test_argentina(first: str, second: str) -> None:
    short, long = Phone(f"+54{first}{second}23456789"), Phone(f"+549{first}{second}23456789")
    is_area = first in "23" or first + second == "11"
    expected = (long, short) if is_area else (None, None)
    assert (whatsapp.variant(short), whatsapp.variant(long)) == expected


@given(st.one_of(ANY, NEAR))
def test_the_variant_of_the_variant_is_the_number(text: str) -> None:
    one = Phone(text)
    other = whatsapp.variant(one)
    if other is not None:
        assert other != one
        assert phone._E164.fullmatch(other)
        assert whatsapp.variant(other) == one
        assert abs(len(other) - len(one)) == 1
        assert whatsapp.is_inferred(other) == whatsapp.is_inferred(one)


@given(st.one_of(ANY, NEAR))
def test_a_variant_is_kept_as_it_is(text: str) -> None:
    """Whatever was kept, its variant could have been kept, so that a look-up can meet it."""
    other = whatsapp.variant(phone.parse(text))
    if other is not None:
        assert phone.parse(other) == other


@given(numbers_of("BR", "fixed_line", "toll_free", "premium_rate", "shared_cost"))
def test_a_brazilian_landline_has_no_variant(text: Phone) -> None:
    assert whatsapp.variant(text) is None


@given(numbers_of("BR", "mobile", "fixed_line"))
def test_a_brazilian_variant_is_nobody_elses(text: Phone) -> None:
    other = whatsapp.variant(text)
    assert other is None or not is_valid(other)


@given(numbers_of("MX", "general_desc", "fixed_line", "mobile"))
def test_a_mexican_variant_is_nobody_elses(text: Phone) -> None:
    other = whatsapp.variant(text)
    assert other is not None
    assert not is_valid(other)


@given(numbers_of("AR", "mobile").filter(lambda text: text.startswith("+549")))
def test_an_argentine_mobile_is_the_line_without_the_9(text: Phone) -> None:
    other = whatsapp.variant(text)
    assert other is not None
    assert phonenumbers.number_type(number(other)) == PhoneNumberType.FIXED_LINE


@given(numbers_of("AR", "toll_free", "premium_rate", "uan"))
def test_an_argentine_service_number_has_no_variant(text: Phone) -> None:
    assert whatsapp.variant(text) is None
