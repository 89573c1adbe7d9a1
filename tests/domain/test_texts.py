"""The text gate, tags and metadata (rows X5, X10, L3; reference C7, C8)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kith.domain import json, metadata, tags, text
from kith.domain.contacts import parse_name
from kith.errors import BadValue

ANY = st.text(st.characters())
ODD = st.text(
    "a \t\r\n\x00\x1b\x7f\x85\ud800\ufdd0\uffff\U0001ffff\u200d\u202e\u0301👍", max_size=12
)


def is_refused_anywhere(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or 0xFDD0 <= code <= 0xFDEF
        or code & 0xFFFE == 0xFFFE
    )


@pytest.mark.row("X5")
@given(st.one_of(ANY, ODD))
def test_line(given_text: str) -> None:
    stripped = given_text.strip(" \t\r\n\u00a0\u3000")
    if any(is_refused_anywhere(c) for c in stripped) or len(stripped) > 256:
        with pytest.raises(BadValue):
            parse_name(given_text)
    else:
        assert parse_name(given_text) == stripped
        assert parse_name(stripped) == stripped


@pytest.mark.row("X5")
@given(st.one_of(ANY, ODD))
def test_prose(given_text: str) -> None:
    expected = given_text.replace("\r\n", "\n")
    if any(is_refused_anywhere(c) and c not in "\n\t" for c in expected):
        with pytest.raises(BadValue):
            text.prose(given_text)
    else:
        assert text.prose(given_text) == expected


def test_every_character_of_the_planes() -> None:
    for code in [*range(0x3000), *range(0xD7F0, 0xE010), *range(0xFDC0, 0x10000)] + [
        plane * 0x10000 + low for plane in range(1, 17) for low in (0, 0xFFFD, 0xFFFE, 0xFFFF)
    ]:
        character = chr(code)
        try:
            assert text.line(f"a{character}b", characters_max=3) == f"a{character}b"
            is_refused = False
        except BadValue:
            is_refused = True
        assert is_refused == is_refused_anywhere(character), hex(code)


@given(st.lists(st.text("ab, é", max_size=8), max_size=8))
def test_tags(items: list[str]) -> None:
    names = tags.parse(items)
    assert names == tags.parse(",".join(items)) == tags.parse(list(names))
    assert len(set(names)) == len(names)
    assert all(name and name == name.strip() and "," not in name for name in names)
    assert {part.strip() for item in items for part in item.split(",")} - {""} == set(names)


@given(st.lists(st.text("abc", min_size=1)), st.lists(st.text("abc", min_size=1)))
def test_added_tags(present: list[str], new: list[str]) -> None:
    """Newest first, the order of one request kept, nothing twice, nothing lost."""
    had, come = tags.parse(present), tags.parse(new)
    joined = tags.added(had, come)
    assert joined[len(joined) - len(had) :] == had
    assert list(joined[: len(joined) - len(had)]) == [name for name in come if name not in had]
    assert tags.added(joined, come) == joined


@pytest.mark.row("L3", "R9")
def test_too_many_tags() -> None:
    assert len(tags.parse(",".join(map(str, range(1_000))))) == 1_000
    for many in (1_001, 100_000):
        with pytest.raises(BadValue, match="1000 tags"):
            tags.parse(",".join(map(str, range(many))))


Json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ANY),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=30)
@given(st.dictionaries(st.one_of(ANY, ODD), Json, max_size=4))
def test_metadata(value: dict[str, object]) -> None:
    try:
        checked = metadata.parse(value)
    except BadValue:
        return
    encoded = json.encode(checked)
    assert len(encoded) <= metadata.BYTES_MAX
    assert metadata.parse(checked) == checked
    assert not any(is_refused_anywhere(c) for c in encoded.decode())


@pytest.mark.row("X3")
@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63, 10**30])
def test_metadata_refuses_what_javascript_would_round(number: int) -> None:
    for value in ({"a": number}, {"a": [number]}, {"a": {"b": [{"c": number}]}}):
        with pytest.raises(BadValue):
            metadata.parse(value)
    assert metadata.parse({"a": 2**53 - 1, "b": True}) == {"a": 2**53 - 1, "b": True}


@given(
    st.dictionaries(st.text("ab"), st.integers(-9, 9)), st.dictionaries(st.text("ab"), st.none())
)
def test_merge_is_shallow(present: dict[str, object], new: dict[str, object]) -> None:
    joined = metadata.merged(present, new)
    assert joined == {**present, **new}
    assert metadata.merged(joined, new) == joined
