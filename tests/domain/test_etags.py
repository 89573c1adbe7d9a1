"""Entity tags: each version of a contact has its own, and headers name them in several ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import etags

ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
FIRST = f'"{ID}-1"'
EXPANDED = f'"{ID}-1;history+tags"'
VERSIONS = st.integers(1, 2**53)
PARTS = st.lists(st.sampled_from(["tags", "identities", "history"]), min_size=1, unique=True)


@given(st.uuids().map(str), VERSIONS, PARTS)
def test_a_tag_names_its_contact(contact_id: str, version: int, parts: list[str]) -> None:
    etag = etags.of(contact_id, version)
    assert etag == f'"{contact_id}-{version}"'
    assert etags.contact_id(etag) == contact_id
    assert etags.contact_id(etags.expanded(etag, parts)) == contact_id


@given(VERSIONS, VERSIONS, PARTS, PARTS)
def test_tags_are_the_same_only_for_the_same_answer(
    one: int, other: int, parts: list[str], others: list[str]
) -> None:
    is_same_version = one == other
    first, second = etags.of(ID, one), etags.of(ID, other)
    assert (first == second) == is_same_version
    assert etags.expanded(first, parts) != first
    is_same = is_same_version and set(parts) == set(others)
    assert (etags.expanded(first, parts) == etags.expanded(second, others)) == is_same


@pytest.mark.parametrize("parts", [("tags", "history"), ("history", "tags"), ["history", "tags"]])
def test_expanded(parts: tuple[str, ...]) -> None:
    assert etags.expanded(FIRST, parts) == EXPANDED


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", ()),
        (" , ,", ()),
        ("*", ("*",)),
        (FIRST, (FIRST,)),
        (f"{ID}-1", (FIRST,)),
        (f"  {FIRST} ,{ID}-2,", (FIRST, f'"{ID}-2"')),
        (f"W/{FIRST}", (f"W/{FIRST}",)),
        (f'{EXPANDED}, "x"', (EXPANDED, '"x"')),
    ],
)
def test_listed(header: str, tags: tuple[str, ...]) -> None:
    assert etags.listed(header) == tags


FORMS = st.sampled_from(['"{}"', "{}", '"{};tags"', "{};history+tags"])


@given(st.lists(st.tuples(st.integers(1, 12), FORMS), max_size=5), st.integers(1, 12))
def test_a_list_names_the_versions_in_it(named: list[tuple[int, str]], version: int) -> None:
    tags = etags.listed(", ".join(form.format(f"{ID}-{number}") for number, form in named))
    assert len(tags) == len(named)
    is_named = version in {number for number, _ in named}
    assert etags.is_current(etags.of(ID, version), tags) == is_named
    is_named = any(number == version and ";" not in form for number, form in named)
    assert etags.is_known(etags.of(ID, version), tags) == is_named


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        (FIRST, True),
        (f"{ID}-1", True),
        (f"W/{FIRST}", True),
        (f'"x", W/{FIRST}', True),
        ("*", True),
        ('"x", *', True),
        ("", False),
        (f'"{ID}-2"', False),
        (f'"{ID}-11"', False),
        (f'"{ID}"', False),
        (f'"{ID.upper()}-1"', False),
        (EXPANDED, False),
        (f"w/{FIRST}", False),
    ],
)
def test_if_none_match(header: str, is_known: bool) -> None:
    assert etags.is_known(FIRST, etags.listed(header)) is is_known


def test_an_expanded_answer_is_known_by_its_own_tag_only() -> None:
    assert etags.is_known(EXPANDED, etags.listed(EXPANDED))
    assert etags.is_known(EXPANDED, etags.listed(f"W/{EXPANDED}"))
    assert not etags.is_known(EXPANDED, etags.listed(FIRST))
    assert not etags.is_known(EXPANDED, etags.listed(f'"{ID}-1;tags"'))


@pytest.mark.parametrize(
    ("header", "is_current"),
    [
        (FIRST, True),
        (f"{ID}-1", True),
        (EXPANDED, True),
        (f"{ID}-1;tags", True),
        (f'"{ID}-2", {FIRST}', True),
        ("*", True),
        ("", False),
        (f"W/{FIRST}", False),
        (f"W/{EXPANDED}", False),
        (f"W/{ID}-1", False),
        (f'"{ID}-2"', False),
        (f'"{ID}-11"', False),
        (f'"{ID}-2;tags"', False),
        (f'"{ID}"', False),
        ('""', False),
        (";", False),
    ],
)
def test_if_match(header: str, is_current: bool) -> None:
    assert etags.is_current(FIRST, etags.listed(header)) is is_current


@given(st.text(st.characters(max_codepoint=255)))
def test_any_header_can_be_read(header: str) -> None:
    tags = etags.listed(header)
    if f"{ID}-1" not in header and "*" not in header:
        assert not etags.is_known(FIRST, tags)
        assert not etags.is_current(FIRST, tags)
