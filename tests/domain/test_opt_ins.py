"""Opt-ins from web pages: origins, codes, wordings, and when a confirmation counts from."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import consent_words, opt_ins
from kith.domain.opt_ins import LOCALES, OptIn
from kith.errors import BadValue

AT = datetime(2026, 4, 15, 10, 32, 0, 500_000, tzinfo=UTC)
OPT_IN = OptIn(
    id="0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61",
    connection_id="0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a62",
    name=None,
    phone=None,
    locale="en",
    wording="Yes.",
    wording_version="1",
    evidence={},
    asked_at=AT,
    used_at=None,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://café.example", "https://xn--caf-dma.example"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(given: str, kept: str) -> None:
    assert opt_ins.parse_origin(given) == kept


@pytest.mark.parametrize(
    "given",
    ["", "*", "null", "shop.example", "//shop.example", "ftp://shop.example", "https://",
     "https://shop.example/x", "https://shop.example?x", "https://a@shop.example", "https://*.x",
     "https://shop..example", "https://shop.example:x", "https://x y", "https://é" + "x" * 70],
)  # fmt: skip
def test_what_is_no_origin(given: str) -> None:
    with pytest.raises(BadValue):
        opt_ins.parse_origin(given)


@given(st.binary(min_size=32, max_size=32), st.text(), st.text())
def test_a_code_is_found_again(secret: bytes, before: str, after: str) -> None:
    code = opt_ins.compose_code(secret)
    assert opt_ins.code_in(f"{before} {code} {after}") in (code, opt_ins.code_in(before))
    assert len(opt_ins.digest(code)) == 64


@given(st.text(max_size=200))
def test_no_text_without_one_has_one(text: str) -> None:
    if "OPTIN-" not in text.upper():
        assert opt_ins.code_in(text) is None


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_its_texts(locale: opt_ins.Locale) -> None:
    code = opt_ins.compose_code(bytes(32))
    message = opt_ins.message(locale, code)
    assert opt_ins.code_in(message) == code
    assert consent_words.word(message) is None  # nobody opts out by confirming
    wordings = opt_ins.default_wordings("Acme {x}")
    assert "Acme {x}" in opt_ins.in_language(wordings, locale)
    word = opt_ins.in_language(wordings, locale)
    stop = next(one for one in ("STOP", "BAJA", "SAIR") if one in word)
    assert consent_words.word(stop) == "stop"  # what it promises is heeded


def test_a_wording_of_ones_own_is_for_all() -> None:
    assert opt_ins.in_language({"": "Yes."}, "ar") == "Yes."


@pytest.mark.parametrize(
    ("seconds", "moved"), [(1, False), (0, True), (-0.5, True), (-5, True), (-5.1, False)]
)
def test_a_clock_that_is_a_little_behind(seconds: float, moved: bool) -> None:
    sent_at = AT + timedelta(seconds=seconds)
    at = opt_ins.confirmed_at(OPT_IN, sent_at)
    assert at == (AT + timedelta(microseconds=1) if moved else sent_at)
