"""Ids: one 128-bit value, several spellings (reference C1, row X13)."""

import contextlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from kith.domain import ids
from kith.errors import BadValue


@pytest.mark.row("X13")
@given(st.uuids())
def test_every_spelling_is_the_same_id(uuid: UUID) -> None:
    canonical = str(uuid)
    ulid = str(ULID.from_uuid(uuid))
    for text in (canonical, canonical.upper(), f" {canonical}\n", ulid, ulid.lower()):
        assert ids.parse(text) == canonical


@pytest.mark.row("X13")
@given(st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}", fullmatch=True))
def test_ulid_goes_there_and_back(text: str) -> None:
    assert str(ULID.from_uuid(UUID(ids.parse(text)))) == text.upper()


@pytest.mark.row("X13")
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.uuids()))
def test_anything_is_an_id_or_a_bad_value(value: object) -> None:
    with contextlib.suppress(BadValue):
        assert str(UUID(ids.parse(value))) == ids.parse(value)


@pytest.mark.parametrize("letter", "ILOUilou8")
def test_letters_that_no_ulid_has(letter: str) -> None:
    text = f"{letter}1J1Y00000000000000000000A" if letter == "8" else f"01J1Y{letter}" + "0" * 20
    with pytest.raises(BadValue):
        ids.parse(text)
