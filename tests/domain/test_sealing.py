"""Secrets at rest: opened by the same key for the same thing only."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kith.domain import sealing
from kith.domain.sealing import CannotUnseal

SECRETS = st.dictionaries(st.text(max_size=20), st.text(max_size=100), max_size=5)


@given(SECRETS, st.text(min_size=1, max_size=80), st.uuids().map(str))
def test_there_and_back(given_: dict[str, str], key: str, about: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    sealed = sealing.seal(given_, key=key, nonce=secrets.token_bytes(32), about=about)
    assert sealing.unseal(sealed, key=key, about=about) == given_


def test_the_same_secrets_never_look_alike() -> None:
    seen = {
        sealing.seal({"secret": "s"}, key="k", nonce=secrets.token_bytes(32), about="a")
        for _ in range(100)
    }
    assert len(seen) == 100
    assert not [text for text in seen if "secret" in text]


@pytest.mark.parametrize(("key", "about"), [("other", "a"), ("k", "b")])
def test_another_key_or_another_thing_opens_nothing(key: str, about: str) -> None:
    sealed = sealing.seal({"secret": "s"}, key="k", nonce=secrets.token_bytes(32), about="a")
    with pytest.raises(CannotUnseal):
        sealing.unseal(sealed, key=key, about=about)
