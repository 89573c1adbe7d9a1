"""`kith contact block` and `unblock`."""

import pytest

from tests.cli.kith import Kith

PHONE = "+14155550123"


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


@pytest.fixture
def romain(acme: Kith) -> str:
    uuid: str = acme("contact", "create", "--phone", PHONE, "--json").json["id"]
    return uuid


def test_from_block_to_unblock(acme: Kith, romain: str) -> None:
    told = acme("contact", "block", "--phone", PHONE, "--note", "Rude.", "--json").json
    assert (told["id"], told["blocked"]) == (romain, True)
    doubt = ("contact", "unblock", "--id", romain, "--reason", "identity_changed")
    assert acme(*doubt).status == 1
    assert "note" in acme(*doubt).err
    assert "an operator blocks them still" in acme(*doubt, "--note", "She called.").out
    assert "reason blocked" in acme("contact", "unblock", "--phone", PHONE).out
    assert acme("contact", "unblock", "--id", romain, "--json").json["blocked"] is False
    for bad in (("unblock",), ("block",), ("unblock", "--id", romain, "--reason", "opted_out")):
        assert acme("contact", *bad).status == 2
