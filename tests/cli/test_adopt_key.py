"""A KITH_SECRET_KEY that is not the one that a database is used with is noticed."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.kith import Kith, Result
from tests.serving import Client, Serving, serving

KEY = "f" * 64
PHONE = "+14155550130"
UNSET = "KITH_SECRET_KEY is not set, but this database is used with one."
ANOTHER = "KITH_SECRET_KEY is not the one that this database is used with."


def with_key(kith: Kith, key: str) -> Kith:
    return Kith(**kith.settings | {"secret_key": key})


def served(kith: Kith, log: Path, **more: Any) -> Any:
    return serving(log, **kith.settings, rate_limit_per_minute=0, **more)


def ended(kith: Kith, key: str, command: str = "serve") -> Result:
    """That of a server, or a worker, which must not run with this key."""
    return with_key(kith, key).process(command, *(["--port", "0"] if command == "serve" else []))


@pytest.fixture
def owner(kith: Kith) -> str:
    """The token of a workspace."""
    made = kith("init", "--workspace", "Acme", "--email", "a@b.example", "--json").json
    return str(made["token"])


def opt_out(client: Client) -> None:
    assert client.create_contact(phone=PHONE).status_code == 201
    given = {"phone": PHONE, "channel": "whatsapp", "purpose": "marketing", "state": "withdrawn",
             "source": "api", "method": "checkbox"}  # fmt: skip
    assert client.post("set-consent", given).is_success


def client_of(running: Serving, token: str, http: httpx.Client) -> Client:
    return Client(running.url, token, http)


@pytest.mark.parametrize(("wrong", "told"), [("", UNSET), ("another", ANOTHER)])
def test_a_command_without_the_server_s_key_loses_no_opt_out(
    kith: Kith, owner: str, tmp_path: Path, http: httpx.Client, engine: str, wrong: str, told: str
) -> None:
    right = with_key(kith, KEY)
    with served(right, tmp_path / "log") as running:
        client = client_of(running, owner, http)
        opt_out(client)
        kith = with_key(kith, wrong)
        for command in (
            ("contact", "delete", "--phone", PHONE, "--yes"),
            ("connect", "shopify", "--secret", "hush"),
        ):
            refused = kith(*command)
            assert (refused.status, refused.out) == (1, "")
            assert told in refused.err
            assert "kith adopt-key" in refused.err
        assert kith("contact", "get", "--phone", PHONE).status == 0, "it needs no key"
        checked = kith("check")
        assert (checked.status, f"FAILED  key: {told}" in checked.out) == (1, True)
        assert right("check").status == 0
        assert right("contact", "delete", "--phone", PHONE, "--yes").status == 0
        assert client.create_contact(phone=PHONE).is_success
        assert client.get_contact(phone=PHONE).json()["opted_out_at"] is not None
        assert right("contact", "delete", "--phone", PHONE, "--yes").status == 0
        made = kith("contact", "create", "--phone", PHONE)
        assert (made.status, told in made.err) == (1, True), "nor is somebody made past it"
    if engine == "sqlite":
        assert not (tmp_path / "kith.db.key").exists()


def test_a_server_or_worker_with_another_key_does_not_run(
    kith: Kith, owner: str, tmp_path: Path, http: httpx.Client
) -> None:
    with served(with_key(kith, KEY), tmp_path / "log") as running:
        opt_out(client_of(running, owner, http))
        assert with_key(kith, KEY)("contact", "delete", "--phone", PHONE, "--yes").status == 0
    for wrong, told, command in (("", UNSET, "serve"), ("another", ANOTHER, "work")):
        stopped = ended(kith, wrong, command)
        assert stopped.status == 78
        assert told in stopped.err


def test_what_was_made_without_a_key_is_noticed_before_any_server(kith: Kith, owner: str) -> None:
    kith = with_key(kith, "the-first")
    assert kith("connect", "shopify", "--secret", "hush").status == 0
    stopped = ended(kith, "the-second")
    assert (stopped.status, ANOTHER in stopped.err) == (78, True)


def test_a_key_may_be_set_before_anything_is_made_with_one(
    kith: Kith, owner: str, tmp_path: Path, http: httpx.Client
) -> None:
    """A server that was tried out first; afterwards it is too late."""
    for key in ("", KEY):
        with served(with_key(kith, key), tmp_path / "log") as running:
            assert client_of(running, owner, http).create_contact(phone=PHONE).is_success
            assert with_key(kith, key)("check").status == 0
    assert kith("check").status == 1


def test_a_lost_key(kith: Kith, owner: str, tmp_path: Path, http: httpx.Client) -> None:
    right, other = with_key(kith, KEY), with_key(kith, "another")
    assert right("connect", "shopify", "--secret", "hush").status == 0
    refused = other("adopt-key")
    assert (refused.status, "add --yes" in refused.err) == (2, True)
    assert f"FAILED  key: {ANOTHER}" in other("check").out
    assert other("adopt-key", "--yes", "--json").json == {"adopted": True}
    assert (other("check").status, right("check").status) == (0, 1)
    with served(other, tmp_path / "log") as running:
        opt_out(client_of(running, owner, http))
        assert other("contact", "delete", "--phone", PHONE, "--yes").status == 0
        client = client_of(running, owner, http)
        assert client.create_contact(phone=PHONE).is_success
        assert client.get_contact(phone=PHONE).json()["opted_out_at"] is not None
        former = other("connect", "list", "--json").json[0]["connection"]
        assert http.post(f"{running.url}/in/{former}", content=b"{}").status_code == 404
        running.logged("connection.sealed", connection_id=former)
        turned = other("connect", "rotate", former, "--secret", "new")
        assert (turned.status, turned.out) == (1, "")
        assert turned.err == (
            "kith: The Shopify connection was made with another KITH_SECRET_KEY: connect it anew.\n"
        )
        assert other("connect", "shopify", "--secret", "hush").status == 0


@pytest.mark.parametrize(
    ("system", "connect", "change"),
    [
        ("Shopify", ("--secret", "a"), ("rotate", "--secret", "b")),
        ("Shopify", ("--secret", "a"), ("change-shop", "--no-poll")),
        ("WooCommerce", ("--secret", "a"), ("rotate", "--secret", "b")),
        ("WhatsApp",
         ("--phone-number-id", "1", "--business-account-id", "2", "--access-token", "a",
          "--app-secret", "b", "--verify-token", "c"), ("rotate", "--access-token", "d")),
    ],
)  # fmt: skip
def test_secrets_that_were_sealed_with_another_key(
    kith: Kith, owner: str, system: str, connect: tuple[str, ...], change: tuple[str, ...]
) -> None:
    assert with_key(kith, KEY)("connect", system.lower(), *connect).status == 0
    kith = with_key(kith, "another")
    assert kith("adopt-key", "--yes").status == 0
    [one] = kith("connect", "list", "--json").json
    refused = kith("connect", change[0], one["connection"], *change[1:])
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == (
        f"kith: The {system} connection was made with another KITH_SECRET_KEY: connect it anew.\n"
    )
