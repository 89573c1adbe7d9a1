"""The operator's KITH_SECRET_KEY: whether it is the one that a database is used with."""

import hashlib
import hmac

import msgspec

_REST = " Give Kith the key that the server has. Where that is lost, see `kith adopt-key --help`."


class Mark(msgspec.Struct, frozen=True):
    """Of a key, which it does not tell."""

    salt: str
    digest: str


def mark(key: str, *, salt: str) -> Mark:
    digest = hmac.digest(key.encode(), f"kith: which key {salt}".encode(), hashlib.sha256)
    return Mark(salt, digest.hex())


def fits(key: str, noted: Mark) -> bool:
    return hmac.compare_digest(mark(key, salt=noted.salt).digest, noted.digest)


def fault(key: str, noted: Mark) -> str | None:
    """What is wrong with the key, as a sentence that says what would be right."""
    if fits(key, noted):
        return None
    if not key:
        return f"KITH_SECRET_KEY is not set, but this database is used with one.{_REST}"
    if fits("", noted):
        return (
            "KITH_SECRET_KEY is set, but this database is used without one. Leave it unset, or"
            " see `kith adopt-key --help`."
        )
    return f"KITH_SECRET_KEY is not the one that this database is used with.{_REST}"
