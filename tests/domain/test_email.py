"""E-mail: syntax only; the quick way and the library agree."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import email
from kith.errors import BadValue

ALMOST = st.text('aZ09._-+@ "é', max_size=24)
LABEL = st.text("aZ0-é", min_size=1, max_size=64)
SHAPED = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}",
    st.text("aZ09._-+'é", min_size=1, max_size=66),
    st.lists(LABEL, min_size=1, max_size=4),
    st.text("aZ9-", min_size=1, max_size=5),
)


def is_valid(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, test_environment=True, strict=False)
    except EmailNotValidError:
        return False
    return True


@given(st.one_of(SHAPED, ALMOST, st.emails()))
def test_fast_path_equals_the_library(text: str) -> None:
    if email._is_plain(text) and len(text) <= email.CHARACTERS_MAX:
        assert is_valid(text)


@given(st.one_of(SHAPED, ALMOST, st.text()))
def test_accepts_what_the_library_accepts(text: str) -> None:
    try:
        parsed = email.parse(text)
    except BadValue:
        assert not is_valid(text.strip()) or len(text.strip()) > email.CHARACTERS_MAX
        return
    assert is_valid(parsed)
    assert parsed == text.strip()
    assert email.parse(parsed) == parsed


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Romain@Example.com", "romain@example.COM"),
        ("ДАША@example.com", "даша@example.com"),
    ],
)
def test_compared_without_case(one: str, other: str) -> None:
    assert email.key(one) == email.key(other)


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE@example.com", "straße@example.com"),
        ("\u212aate@example.com", "kate@example.com"),  # the Kelvin sign
        ("\ufb01n@example.com", "fin@example.com"),  # a ligature
        ("İpek@example.com", "ipek@example.com"),
    ],
)
def test_what_only_looks_alike_stays_apart(one: str, other: str) -> None:
    assert email.key(one) != email.key(other)


@pytest.mark.parametrize(
    "value",
    [
        None, 1, True, [], {}, b"a@example.com", "", "a", "a@", "@example.com", "a@b@example.com",
        "a b@example.com", "a@example", ".a@example.com", "a.@example.com", "a..b@example.com",
        "a@-example.com", "a@example-.com", "a@exa_mple.com", "a@example.com\nb", "a@[127.0.0.1]",
        "<a@example.com>", "Ana <a@example.com>", "a@example.com,b@example.com",
        "a\x00@example.com",
        f"a@{'b' * 64}.com", f"a@{'b.' * 130}com",
    ],
)  # fmt: skip
def test_not_an_address(value: object) -> None:
    with pytest.raises(BadValue):
        email.parse(value)


@pytest.mark.parametrize(
    "value",
    [
        f"{'a' * 64}@example.com",
        f"a@{'b' * 63}.com",
        f"a.{'é' * 25}@example.com",
        f"{'a' * 64}@shop.local",
        "a.-b@shop.local",
    ],
)
def test_an_address_may_be_longer_than_everyday_ones(value: str) -> None:
    assert email.parse(value) == value
