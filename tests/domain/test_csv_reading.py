"""Bytes become records whatever wrote them, and one that is bad harms no other (rows F24, X7)."""

import contextlib
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import csv_heads
from kith.domain.csv_heads import Options
from kith.domain.csv_reading import (
    FIELD_CHARACTERS_MAX,
    LINE_BYTES_MAX,
    Decoder,
    Reader,
    encoding_of,
)
from kith.errors import Refused

GOOD = b"Romain,+14155550123\n"
SLOWEST_S = 0.2
"""For 64 KiB: well over the goal, for what is a record in every other byte, on a busy machine."""


def read(data: bytes, delimiter: str = ",", *, pieces: int = 0):
    """In pieces of so many bytes; 0 is all at once."""
    reader, found = Reader(delimiter), []
    step = pieces or max(1, len(data))
    for start in range(0, max(1, len(data)), step):
        found += reader.feed(data[start : start + step], is_last=start + step >= len(data))
    return found


def told(records):
    return [(record.line, record.fault or record.cells) for record in records]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\nc,d\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
        (b"a,b\r\nc,d", [(1, ["a", "b"]), (2, ["c", "d"])]),
        (b"a,b\rc,d\r", [(1, ["a", "b"]), (2, ["c", "d"])]),
        (b"a,b\n\n\nc,d\n", [(1, ["a", "b"]), (4, ["c", "d"])]),
        (b'"a\n1",b\nc,d\n', [(1, ["a\n1", "b"]), (3, ["c", "d"])]),
        (b'"a ""x""",b\n', [(1, ['a "x"', "b"])]),
        (b'5" screen,b\n', [(1, ['5" screen', "b"])]),
        ("a,\u2028b\n".encode(), [(1, ["a", "\u2028b"])]),
        (b"a,\x0bb\n", [(1, ["a", "\x0bb"])]),
        (b"", []),
        (b"\n\r\n", []),
    ],
)
def test_records(data, expected):
    assert told(read(data)) == expected
    assert told(read(data, pieces=1)) == expected


@pytest.mark.row("F24")
@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (b"a\0b,1\n", "nul"),
        (b"\xff\xfe,1\n", "bad_utf8"),
        (b"\xc0\xaf,1\n", "bad_utf8"),
        (b"\xed\xa0\x80,1\n", "bad_utf8"),
        (b"x" * (FIELD_CHARACTERS_MAX + 1) + b",1\n", "field_too_long"),
        (b"x" * 1_048_570 + b",1\n", "field_too_long"),
        (b"x" * (LINE_BYTES_MAX + 1) + b"\n", "line_too_long"),
        (b'"a"b,1\n', "quote_broken"),
        (b'"a\0b",1\n', "nul"),
    ],
)
def test_a_bad_row_is_refused_alone(bad, fault):
    data = GOOD + bad + GOOD
    for pieces in (0, 65_536):
        first, middle, last = read(data, pieces=pieces)
        assert (first.cells, middle.fault, last.cells) == (
            ["Romain", "+14155550123"], fault, ["Romain", "+14155550123"],
        )  # fmt: skip
        assert data[middle.offset : middle.offset + middle.size] == bad
        assert middle.line == 2
        assert last.offset == len(GOOD) + len(bad)


@pytest.mark.row("F24", "L12")
@pytest.mark.parametrize("rows", [1, 100, 5_000])
def test_a_quote_that_stays_open_costs_its_own_line(rows):
    data = GOOD + b'"open,1\n' + GOOD * rows
    for pieces in (0, 4_096, 262_144):
        records = read(data, pieces=pieces)
        assert [r.fault for r in records] == [None, "quote_open", *[None] * rows]
        assert records[1].line == 2


@pytest.mark.row("F24")
def test_ten_thousand_columns_are_one_record():
    [record, good] = read(b"," * 10_000 + b"\n" + GOOD)
    assert len(record.cells) == 10_001
    assert good.line == 2


@pytest.mark.row("F24", "L12")
@pytest.mark.parametrize(("size", "fault"), [(65_535, None), (65_536, None), (65_537, "y")])
def test_the_length_of_a_field(size, fault):
    [record] = read(b"x" * size + b",1\n")
    assert record.fault == (fault and "field_too_long")


SIGNS = st.sampled_from(['"', ",", "\n", "\r", "\r\n", "a", "é", "\0", "", '""', "x" * 70_000])
MESS = st.lists(SIGNS, max_size=40).map("".join).map(str.encode)
WITH_BAD_BYTES = st.lists(st.sampled_from([b'"', b",", b"\n", b"\xff", b"\xe9", b"ab"])).map(
    b"".join
)


@given(MESS | WITH_BAD_BYTES, st.integers(1, 50))
def test_where_the_pieces_end_changes_nothing(data, pieces):
    assert read(data, pieces=pieces if len(data) < 5_000 else pieces * 3_000) == read(data)


@given(MESS | WITH_BAD_BYTES)
def test_every_byte_belongs_to_one_record_or_to_a_blank_line(data):
    records = read(data)
    at = 0
    for record in records:
        assert data[at : record.offset].strip(b"\r\n") == b""
        at = record.offset + record.size
    assert data[at:].strip(b"\r\n") == b""
    for record in records:  # and can be read again from its place
        rest = Reader(",", offset=record.offset, line=record.line)
        assert rest.feed(data[record.offset :], is_last=True)[0] == record


HOSTILE = [
    b'"\n' * 32_768, b'"a\n' * 21_845, b'a,"b\n' * 13_107, b'"""\n' * 16_384, b"\r" * 65_536,
    b"\xff\n" * 32_768, b'"' * 65_536, b"," * 65_536, b'"' + b"a\n" * 32_767, b"a\n" * 32_768,
    b'"a"b\n' * 13_107, b'"\xff"\n' * 16_384, b'"\xff\n' * 16_384, b"\0\n" * 32_768,
    b'""\n' * 21_845, b'"a\n",' * 13_107, random.Random(7).randbytes(65_536),
]  # fmt: skip


@pytest.mark.row("G2")
@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:6]))
def test_hostile_bytes_take_no_time(data):
    """A file of nothing but traps is read about as quickly as any: none is looked at twice.

    It is read in pieces, and records are made one by one as they are taken: what 64 KiB of one
    byte each cost in all never holds anybody else.
    """
    times = []
    while len(times) < 5 and (not times or min(times) > SLOWEST_S):
        started = time.process_time()
        read(data)
        times.append(time.process_time() - started)
    assert min(times) < SLOWEST_S


@pytest.mark.row("G2")
@pytest.mark.parametrize(
    "first",
    [
        *(data[:65_536] for data in HOSTILE),
        "".join(map(chr, range(0x3400, 0x3400 + 21_845))).encode(),
        b"\xff" * 65_536,
        b"a\xe9" * 32_768,
        b"phone," * 10_922,
        ("é" * 250 + ",").encode() * 130,
        b"phone," + b"x" * 65_000 + b"\n1,2\n",
    ],
    ids=lambda data: repr(data[:6]),
)
def test_a_hostile_head_takes_no_time(first):
    times = []
    while len(times) < 5 and (not times or min(times) > SLOWEST_S):
        started = time.process_time()
        with contextlib.suppress(Refused):
            csv_heads.read(first, Options(), is_whole=False)
        times.append(time.process_time() - started)
    assert min(times) < SLOWEST_S


@pytest.mark.row("X7")
@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("name\nRené\n", "utf-8", "utf-8"),
        ("name\nRené\n", "utf-8-sig", "utf-8"),
        ("name\nRené\n", "utf-16", "utf-16-le"),
        ("name\nRené\n", "utf-16-le", "utf-16-le"),
        ("name\nRené\n", "utf-16-be", "utf-16-be"),
        ("name\nRené “x” €\n", "cp1252", "windows-1252"),
        ("name\nRené\n", "ascii", "utf-8"),
        ("الاسم\nأحمد\n", "utf-8", "utf-8"),
    ],
)
def test_the_encoding_is_told(text, codec, expected):
    data = text.encode(codec, "ignore")
    found = encoding_of(data)
    assert found == expected
    decoder = Decoder(found)
    utf8 = b"".join(decoder.utf8(data[at : at + 1]) for at in range(len(data)))
    utf8 += decoder.utf8(b"", is_last=True)
    assert utf8.removeprefix(b"\xef\xbb\xbf").decode() == text.encode(codec, "ignore").decode(codec)


@pytest.mark.row("X7")
@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\x81"])
def test_a_few_bad_bytes_make_no_other_encoding(bad):
    assert encoding_of("name\nRené\n".encode() * 3 + bad + b"\n") == "utf-8"
    assert encoding_of(b"name\nRomain\n" + bad + b"\nrow\n") == "utf-8"


def test_a_character_that_is_cut_at_the_end_of_the_head_is_no_evidence():
    assert encoding_of("name\nRené".encode()[:-1]) == "utf-8"
