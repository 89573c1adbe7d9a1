"""A spreadsheet runs nothing of an export, and an import takes it back as it was (row T9.2)."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import csv_cells

STARTS = ["=", "+", "-", "@", "\t", "\r", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


@pytest.mark.row("T9.2")
@pytest.mark.parametrize("start", STARTS)
def test_what_begins_a_formula_is_quoted(start):
    assert csv_cells.shown(start + "cmd|' /C calc'!A0") == "'" + start + "cmd|' /C calc'!A0"
    assert csv_cells.shown("''" + start) == "'''" + start


@pytest.mark.row("T9.2")
@pytest.mark.parametrize("text", ["+14155550123", "-5", "-0.25", "Romain", "", "'quoted'", "a=b"])
def test_numbers_and_words_stay(text):
    assert csv_cells.shown(text) == text


@pytest.mark.row("T9.2")
@pytest.mark.parametrize(
    "text", ["+1234567890123456", "+1.5", "+1+1", "-5-2", "+123456x", "-1e5", "+14155550123\n"]
)
def test_what_only_looks_like_a_number_is_quoted(text):
    assert csv_cells.shown(text) == "'" + text


TEXTS = st.text(st.sampled_from([*STARTS, "'", "1", "a", ".", '"', ",", "\n"])) | st.text()


@pytest.mark.row("T9.2")
@given(TEXTS)
def test_taking_the_quote_away_gives_the_text_back(text):
    shown = csv_cells.shown(text)
    assert csv_cells.meant(shown) == text
    harmless = shown[:1] not in STARTS or shown.lstrip("+-").replace(".", "").isdigit()
    assert shown == "" or harmless


@given(st.lists(TEXTS.filter(lambda text: "\0" not in text), min_size=2))
def test_any_reader_of_csv_finds_the_cells(cells):
    [row] = csv.reader(io.StringIO(csv_cells.line(cells), newline=""), strict=True)
    assert list(map(csv_cells.meant, row)) == cells
