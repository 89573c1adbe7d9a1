"""Tokens: people, scanners and a checksum know one (row T6.1)."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import tokens

SECRETS = st.binary(min_size=32, max_size=32)


@pytest.mark.row("T6.1")
@given(SECRETS)
def test_shape(secret: bytes) -> None:
    token = tokens.compose(secret)
    assert re.fullmatch(r"kith_[0-9a-f]{64}[0-9a-f]{8}", token)
    assert secret.hex() in token
    assert tokens.is_wellformed(token)
    assert tokens.digest(token) == hashlib.sha256(token.encode()).hexdigest()
    assert token.startswith(tokens.hint(token))
    assert len(tokens.hint(token)) <= 11


@pytest.mark.row("T6.1")
@given(SECRETS, st.integers(0, 76), st.sampled_from("0123456789abcdefg_ ABé"))
def test_one_wrong_character_is_noticed(secret: bytes, at: int, character: str) -> None:
    token = tokens.compose(secret)
    mistyped = token[:at] + character + token[at + 1 :]
    assert tokens.is_wellformed(mistyped) == (mistyped == token)


@pytest.mark.row("T6.1")
@given(SECRETS, st.integers(5, 75))
def test_two_swapped_characters_are_noticed(secret: bytes, at: int) -> None:
    token = tokens.compose(secret)
    swapped = token[:at] + token[at + 1] + token[at] + token[at + 2 :]
    assert tokens.is_wellformed(swapped) == (swapped == token)


@given(st.text())
def test_other_text_is_no_token(text: str) -> None:
    assert not tokens.is_wellformed(text)


def test_scopes_open_what_is_before_them() -> None:
    assert tokens.opened_by("read") == ("read",)
    assert tokens.opened_by("write") == ("read", "write")
    assert tokens.opened_by("admin") == ("read", "write", "admin")
