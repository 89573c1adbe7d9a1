"""`kith connect`: what it prints for programs, what to enter for people, and blank secrets."""

import pytest

from tests.cli.kith import Kith

KEYS = ["connection", "path", "system", "name", "config", "created_at", "former_until"]


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace; on PostgreSQL without a key, which it needs
    for secrets only."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


def test_zapier_for_programs(acme: Kith) -> None:
    made = acme("connect", "zapier", "--name", "forms", "--json").json
    assert list(made) == KEYS
    assert made["path"] == f"/in/{made['connection']}"
    assert (made["system"], made["name"]) == ("zapier", "forms")
    (listed,) = acme("connect", "list", "--json").json
    assert listed["connection"] == made["connection"]
    assert acme("connect", "remove", made["connection"], "--json").json["removed"] is True
    assert acme("connect", "list", "--json").json == []


def test_zapier_for_people(acme: Kith) -> None:
    """The address, and each field of the step in Zapier."""
    told = acme("connect", "zapier").out
    for text in (
        "/in/",
        "Webhooks by Zapier",
        "Payload Type",
        "Authorization: Bearer",
        "consent__",
    ):
        assert text in told


def test_it_has_no_secret_to_rotate(acme: Kith) -> None:
    made = acme("connect", "zapier", "--json").json
    refused = acme("connect", "rotate", made["connection"], "--secret", "x")
    assert refused.status != 0
    assert "is nothing that a connection with zapier has" in refused.err


@pytest.mark.row("T2.2")
@pytest.mark.parametrize("system", ["shopify", "woocommerce"])
@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_secret_is_refused(acme: Kith, system: str, blank: str) -> None:
    """As an unset variable of a shell gives it: nothing could be verified by it."""
    acme = Kith(**acme.settings | {"secret_key": "of-the-tests"})
    refused = acme("connect", system, "--secret", blank)
    assert (refused.status, refused.out) == (1, "")
    assert "The secret must not be blank." in refused.err
    assert acme("connect", "list", "--json").json == []
    made = acme("connect", system, "--secret", "the-first", "--json").json
    refused = acme("connect", "rotate", made["connection"], "--secret", blank)
    assert refused.status == 1
    assert "The secret must not be blank." in refused.err
