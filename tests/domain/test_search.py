"""Search keys: case is folded here, in any alphabet, and trigrams lead to what a look finds."""

from itertools import pairwise

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import search

DOT = "\u0307"
"""Alone it is a letter's own dot; behind an i the fold takes it away."""

# Small alphabets, so that texts drawn apart have much in common; the last is what FTS5 would read.
ALPHABETS = [
    "abcABC",
    "éÉeE\u0301",
    "жЖшШ",
    "ßẞsSﬁfi",
    "İIıi",
    "ΣσςΑα",
    "漢字東",
    "👍👩\u200d👧",
    "\"'*^:()-+{}%_\\ ",
]
TEXT = st.one_of(*(st.text(alphabet, max_size=10) for alphabet in ALPHABETS))
MIXED = st.one_of(TEXT, st.text("".join(ALPHABETS), max_size=40))
ANY = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40)


def trigrams(text: str) -> set[str]:
    return {text[at : at + 3] for at in range(len(text) - 2)}


@pytest.mark.row("T16.2")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ROMAIN", "romain"),
        ("Élodie", "éLODIE"),
        ("ЖАННА", "жанна"),
        ("STRASSE", "straße"),
        ("STRAẞE", "strasse"),
        ("İpek", "ipek"),
        ("I\u0307pek", "İPEK"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("οδυσσευσ", "Οδυσσεύς".replace("ύ", "υ")),
        ("ﬁn", "FIN"),
        ("\u212aate", "Kate"),  # the Kelvin sign
        ("ǆ", "ǅ"),
        ("ՄԱՐԻԱՄ", "մարիամ"),
        ("ꭰ", "Ꭰ"),
        ("𐐀", "𐐨"),
        ("Ａｎａ", "ａＮＡ"),
        ("Élodie", "e\u0301lodie"),
        # As Windows' Vietnamese keyboard, a telephone and macOS write it.
        ("Nguyê\u0303n", "Nguyễn"),
        ("NGUYÊ\u0303N", "nguye\u0302\u0303n"),
        ("김", "\u1100\u1175\u11b7"),
    ],
)
def test_the_same_without_case(one: str, other: str) -> None:
    assert search.fold(one) == search.fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("é", "e"), ("é", "e\u0300"), ("ı", "i"), ("ж", "ш"), ("０", "0"), ("a b", "a  b")],
)
def test_only_case_is_folded(one: str, other: str) -> None:
    assert search.fold(one) != search.fold(other)


def test_every_letter_has_one_fold_for_all_its_cases() -> None:
    apart = {
        letter
        for letter in map(chr, range(0x110000))
        for form in (letter.lower(), letter.upper(), letter.title())
        if form != letter and search.fold(form) != search.fold(letter)
    }
    assert apart == {"ı"}  # its capital is the I of everybody else


@given(ANY, ANY, ANY)
def test_part_of_a_text_is_part_of_its_fold(before: str, part: str, after: str) -> None:
    if DOT not in after[:1] + part[:1]:
        assert search.fold(part) in search.fold(before + part + after)


@pytest.mark.parametrize(
    ("name", "phone", "email", "key"),
    [
        (None, None, None, ""),
        ("", "", "", ""),
        ("Zoë", None, None, "zoë\n\n"),
        (None, "+14155550123", None, "+14155550123\n\n"),
        ("Ana", "+1", "Ana@Example.com", "ana\n\n+1\n\nana@example.com\n\n"),
        ("A", None, "ß@example.com", "a\n\nss@example.com\n\n"),
    ],
)
def test_key(name: str | None, phone: str | None, email: str | None, key: str) -> None:
    assert search.key(name=name, phone=phone, email=email) == key


@given(st.one_of(st.none(), MIXED), st.one_of(st.none(), MIXED), MIXED.filter(bool))
def test_a_key_holds_what_one_of_its_fields_holds(
    name: str | None, email: str | None, asked: str
) -> None:
    """Never what two of them hold together."""
    query = search.fold(asked)
    fields = [search.fold(field) for field in (name, "+14155550123", email) if field]
    key = search.key(name=name, phone="+14155550123", email=email)
    assert (query in key) == any(query in field for field in fields)


@given(MIXED, MIXED, st.data())
def test_trigrams_lead_to_every_part_of_a_key(name: str, email: str, data: st.DataObject) -> None:
    key = search.key(name=name, phone="+14155550123", email=email)
    field = data.draw(st.sampled_from([part for part in key.split("\n\n") if part]))
    first = data.draw(st.integers(0, len(field) - 1))
    query = field[first : data.draw(st.integers(first + 1, len(field)))]
    if len(query) < search.GRAM:
        assert search.grams(query) == ()
        assert any(gram.startswith(query) for gram in trigrams(key))
    else:
        assert set(search.grams(query)) <= trigrams(key)


@given(ANY)
def test_trigrams(text: str) -> None:
    """A few of a long text, its first and its last, as far from each other as there is room."""
    there = sorted(trigrams(text), key=text.index)
    chosen = [there.index(gram) for gram in search.grams(text)]
    assert len(chosen) == min(len(there), search.GRAMS_MAX)
    assert not there or (chosen[0], chosen[-1]) == (0, len(there) - 1)
    steps = {after - before for before, after in pairwise(chosen)}
    assert min(steps, default=1) > 0
    assert max(steps, default=1) - min(steps, default=1) <= 1


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("", ()),
        ("ab", ()),
        ("abc", ("abc",)),
        ("abcd", ("abc", "bcd")),
        ("aaaaaa", ("aaa",)),
        ("東京都庁", ("東京都", "京都庁")),
        ("a\U0001f44db\U0001f44d", ("a\U0001f44db", "\U0001f44db\U0001f44d")),
    ],
)
def test_table_of_trigrams(text: str, grams: tuple[str, ...]) -> None:
    assert search.grams(text) == grams


@pytest.mark.row("T9.1")
@pytest.mark.parametrize(
    ("terms", "all_of", "any_of"),
    [
        (["abc"], '"abc"', '"abc"'),
        (["abc", "d e"], '"abc" AND "d e"', '"abc" OR "d e"'),
        (['a"b'], '"a""b"', '"a""b"'),
        (['"""'], '""""""""', '""""""""'),
        (["OR ", "*^:"], '"OR " AND "*^:"', '"OR " OR "*^:"'),
    ],
)
def test_terms_are_quoted(terms: list[str], all_of: str, any_of: str) -> None:
    assert (search.all_of(terms), search.any_of(terms)) == (all_of, any_of)


@pytest.fixture(scope="module")
def index() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = 'trigram case_sensitive 1')"
    )
    return connection


@pytest.mark.row("T9.1")
@given(st.lists(st.text("".join(ALPHABETS) + "\n", min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_quoted_trigram_means_itself(index: apsw.Connection, terms: list[str]) -> None:
    """Whatever full-text syntax it looks like."""
    index.execute("DELETE FROM texts")
    index.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(terms))

    def matching(query: str) -> list[int]:
        return [row[0] for row in index.execute("SELECT rowid FROM texts (?) ORDER BY 1", [query])]

    assert matching(search.any_of(terms)) == list(range(len(terms)))
    everywhere = len(set(terms)) == 1
    assert matching(search.all_of(terms)) == (list(range(len(terms))) if everywhere else [])
