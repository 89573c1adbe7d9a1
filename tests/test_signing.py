"""Signatures of other systems (reliability T2.1)."""

import base64
from datetime import UTC, datetime

import pytest

from kith import signing

BODY = '{"name":"José 😀"}'.encode()
SECRET, FORMER, OTHER = "s3cret", "former", "other"


def as_base64(secret: str, body: bytes = BODY) -> bytes:
    return base64.b64encode(signing.digest(body, secret))


def as_hex(secret: str, body: bytes = BODY) -> bytes:
    return b"sha256=" + signing.digest(body, secret).hex().encode()


def test_against_a_known_value() -> None:
    """RFC 4231, case 2."""
    digest = signing.digest(b"what do ya want for nothing?", "Jefe")
    assert digest.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@pytest.mark.row("T3.5")
def test_what_we_send_says_when_it_was_sent() -> None:
    """As `openssl dgst -sha256 -hmac s3cret` has it of `1777777777.{"name":"José 😀"}`."""
    at = datetime(2026, 5, 3, 3, 9, 37, 999_999, tzinfo=UTC)
    made = signing.stamped(BODY, SECRET, at)
    assert (
        made == "t=1777777777,v1=41810769fcd52c7d908e2f6e031353861266d884dffdd2f23debdeb27e593a28"
    )


@pytest.mark.row("T2.1", "T2.2")
def test_either_secret_counts_while_rotating() -> None:
    for secret in (SECRET, FORMER):
        assert signing.is_base64_of_any(as_base64(secret), BODY, [SECRET, FORMER])
        assert signing.is_hex_of_any(as_hex(secret), BODY, [SECRET, FORMER])


@pytest.mark.row("T2.1")
@pytest.mark.parametrize(
    "given",
    [
        None, b"", b" ", b"=", b"sha256=", b"sha1=00", "é😀".encode(), b"\xff\xfe", b"A" * 100_000,
        as_base64(OTHER), as_hex(OTHER), as_base64(SECRET)[:-1], as_hex(SECRET)[:-1],
        as_base64(SECRET, BODY + b" "), as_hex(SECRET, BODY.replace(b":", b": ")),
        b"sha1=" + as_hex(SECRET)[7:], as_hex(SECRET)[7:], as_base64(""), as_hex(""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("check", [signing.is_base64_of_any, signing.is_hex_of_any])
def test_everything_else_is_no_proof(check, given: bytes | None) -> None:  # type: ignore[no-untyped-def]
    assert not check(given, BODY, [SECRET])
    assert not check(given, BODY, [SECRET, ""])
    assert not check(given, BODY, [])
    assert not check(given, BODY, [""])
