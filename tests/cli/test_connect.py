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


NUMBER = ("--phone-number-id", "106540352242922", "--business-account-id", "102290129340398")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("shopify",), "--secret"),
        (("woocommerce",), "--secret"),
        (("whatsapp", *NUMBER), "--access-token"),
        (("whatsapp", *NUMBER, "--access-token", "a", "--app-secret", "b"), "--verify-token"),
    ],
    ids=str,
)
def test_nobody_is_asked_without_a_terminal(
    acme: Kith, arguments: tuple[str, ...], option: str
) -> None:
    refused = acme.process("connect", *arguments)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith(f"Usage: kith connect {arguments[0]} ")
    last = refused.err.splitlines()[-1]
    assert last == f"Error: There is no terminal to ask on; give {option}."
    assert acme("connect", "list", "--json").json == []


def test_rotating_asks_only_for_what_a_connection_has(acme: Kith) -> None:
    acme = Kith(**acme.settings | {"secret_key": "of-the-tests"})
    secrets = ("--access-token", "a", "--app-secret", "b", "--verify-token", "c")
    shop = acme("connect", "shopify", "--secret", "s", "--json").json["connection"]
    zapier = acme("connect", "zapier", "--json").json["connection"]
    widget = acme("connect", "widget", "--origin", "https://shop.example", "--json").json
    whatsapp = acme("connect", "whatsapp", *NUMBER, *secrets, "--json").json["connection"]
    for one, status, told in (
        ("0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61", 1, "kith: There is no connection"),
        (zapier, 1, "kith: A connection with zapier has no secret of yours to rotate."),
        (widget["connection"], 1, "kith: A connection with widget has no secret of yours"),
        (whatsapp, 2, "Error: Give what is new: --app-secret, --access-token or --verify-token."),
        (shop, 2, "Error: There is no terminal to ask on; give --secret."),
    ):
        refused = acme("connect", "rotate", one)
        assert (refused.status, refused.out) == (status, "")
        assert refused.err.splitlines()[-1].startswith(told)


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
