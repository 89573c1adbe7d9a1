"""What commands do beside a running server, and that it notices at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from tests.cast import Bed, Person
from tests.cli.kith import Kith
from tests.serving import Client

NOTICED_S_MAX = 1.0


def refused_within_a_second(client: Client) -> bool:
    """No call works that begins later."""
    until = time.monotonic() + NOTICED_S_MAX
    while True:
        began = time.monotonic()
        if client.get("/api/v1/me").status_code == 401:
            return True
        if began > until:
            return False
        time.sleep(0.02)


async def test_init_makes_a_workspace_with_a_token_that_works(bed: Bed, beside: Kith) -> None:
    made = beside(
        *("init", "--workspace", "Acme Co.", "--email", "ana@example.com", "--name", "Ana"),
        "--json",
    ).json
    assert list(made) == ["token", "tenant_id", "user_id"]
    bed.tokens.append(made["token"])
    assert str(UUID(made["tenant_id"])) == made["tenant_id"]
    assert bed.holding(made["token"]).get("/api/v1/me").json() == {
        "id": made["user_id"],
        "email": "ana@example.com",
        "name": "Ana",
        "tenant": {"id": made["tenant_id"], "name": "Acme Co."},
    }


async def test_init_makes_everything_or_nothing(bed: Bed, beside: Kith) -> None:
    before = await bed.digest()
    refused = beside("init", "--workspace", "Acme Co.", "--email", "nonsense")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == "kith: The email must be a valid email address.\n"
    assert await bed.digest() == before


@pytest.mark.row("T6.1")
async def test_a_token_may_what_its_scope_says_until_it_is_revoked(
    bed: Bed, beside: Kith, ana: Person
) -> None:
    given = ("--email", ana.user.email, "--scope", "read", "--rate-limit", "7")
    made = beside("token", "create", *given, "--expires-in-days", "3", "--json").json
    assert list(made) == ["id", "token", "name", "scopes", "expires_at"]
    assert made["scopes"] == ["read"]
    bed.tokens.append(made["token"])
    client = bed.holding(made["token"])
    assert client.get("/api/v1/me").headers["X-RateLimit-Limit"] == "7"
    assert client.create_contact(phone="+14155550123").status_code == 403

    revoked = beside("token", "revoke", str(made["id"]))
    assert refused_within_a_second(client)
    assert (revoked.status, revoked.err) == (0, "")
    assert str(made["id"]) in revoked.out
    assert ana.get("/api/v1/me").status_code == 200


@pytest.mark.row("T6.1")
async def test_revoking_a_user_stops_their_tokens(bed: Bed, beside: Kith, ana: Person) -> None:
    assert ana.workspace is not None
    email = f"ben-{ana.user.id}@example.com"
    given = ("--workspace", ana.workspace.id, "--email", email, "--name", "Ben")
    ben = beside("user", "create", *given, "--json").json
    assert ben == {
        "user_id": ben["user_id"],
        "email": email,
        "name": "Ben",
        "tenant_id": ana.workspace.id,
        "workspace": ana.workspace.name,
        "revoked": False,
    }
    token = beside("token", "create", "--email", email, "--json").json["token"]
    bed.tokens.append(token)
    assert bed.holding(token).get("/api/v1/me").json()["id"] == ben["user_id"]

    assert beside("user", "revoke", email, "--json").json == {**ben, "revoked": True}
    assert refused_within_a_second(bed.holding(token))
    again = beside("token", "create", "--email", email)
    assert (again.status, again.out) == (1, "")
    assert email in again.err
    users = beside("user", "list", "--workspace", ana.workspace.id, "--json").json
    assert [(user["user_id"], user["revoked"]) for user in users] == [
        (ana.user.id, False),
        (ben["user_id"], True),
    ]
    [bens, anas] = beside("token", "list", "--workspace", ana.workspace.id, "--json").json
    assert (bens["user_id"], anas["user_id"]) == (ben["user_id"], ana.user.id)
    assert bens["revoked_at"] is not None
    assert token not in str(bens)


async def test_a_server_beside_an_import_refuses_nothing(
    beside: Kith, ana: Person, tmp_path: Path
) -> None:
    rows = 30_000
    path = tmp_path / "contacts.csv"
    path.write_text("phone\n" + "".join(f"+336{12_000_000 + n}\n" for n in range(rows)))
    assert ana.workspace is not None
    given = ("import", str(path), "--workspace", ana.workspace.id, "--json")
    with ThreadPoolExecutor(1) as thread:
        importing = thread.submit(beside.process, *given)
        made = 0
        while not importing.done():
            made += 1
            answer = ana.post("create-contact", {"phone": f"+1415{2_000_000 + made}"})
            assert answer.status_code == 201, answer.text
        assert importing.result().json["counts"]["created"] == rows
    assert made > 10


async def test_the_demo_can_be_asked_and_keeps_what_is_there(bed: Bed, beside: Kith) -> None:
    first = beside("demo", "--contacts", "25", "--json").json
    assert list(first) == ["token", "tenant_id", "contacts"]
    assert first["contacts"] == 26
    client = bed.holding(first["token"])
    bed.tokens.append(first["token"])
    example = client.get_contact(phone="+14155550123").json()
    assert example == {
        "id": example["id"],
        "phone": "+14155550123",
        "name": "Romain",
        "email": "romain@example.com",
        "source": "shopify",
        "locale": "fr",
        "metadata": {"shopify_id": "12345"},
        "tags": ["vip", "fr-FR"],
        "opted_in_at": "2026-04-15T10:32:00+00:00",
        "opted_out_at": None,
        "last_message_at": "2026-05-07T08:14:23+00:00",
        "total_messages": 27,
        "created_at": "2026-04-15T10:32:00+00:00",
    }
    assert client.get_contact(email="contact10@example.com").json()["phone"] == "+14152000010"
    assert client.get_contact(phone="+14152000020").json()["email"] is None
    assert client.get_contact(phone="+14152000026").status_code == 404

    client.create_contact(phone="+14152000001", name="Changed")
    client.create_contact(phone="+14152000028", name="Came by himself")
    second = beside("demo", "--contacts", "30", "--json").json
    assert second["contacts"] == 31
    assert second["tenant_id"] == first["tenant_id"]
    assert second["token"] != first["token"]
    bed.tokens.append(second["token"])
    client = bed.holding(second["token"])
    assert client.get_contact(phone="+14155550123").json() == example
    assert client.get_contact(phone="+14152000001").json()["name"] == "Changed"
    assert client.get_contact(phone="+14152000028").json()["name"] == "Came by himself"
    assert client.get_contact(phone="+14152000030").status_code == 200
