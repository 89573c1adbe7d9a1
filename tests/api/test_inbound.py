"""The way in: nothing is taken without a proof, and no address but those of connections exists."""

import base64
import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kith import signing, wiring
from kith.actions import connections
from kith.actions.connections import NewConnection, Rotate
from kith.actions.run import Runner
from kith.domain.times import to_us
from kith.integrations.registry import SYSTEMS
from kith.settings import Settings
from tests.api.refusals import UNAUTHENTICATED
from tests.cast import Bed, Person
from tests.cli.kith import Kith
from tests.conftest import SECRET_KEY
from tests.integrations.test_shopify import NAME, PHONE, contact, shopify
from tests.serving import serving
from tests.shops import Shop, encoded, signature
from tests.waits import wait_until

NOBODY = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
EMOJI = '{"id": 7064055069303, "first_name": "Zoë 👩🏽‍🚀", "note": "€"}'
HMAC = "x-shopify-hmac-sha256"


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana)


@pytest.fixture
def kith(server_database_url: str) -> Kith:
    """Commands beside the running server."""
    return Kith(database_url=server_database_url, secret_key=SECRET_KEY)


@pytest.mark.row("T2.2", "R8")
@pytest.mark.parametrize("path", ["/in/", "/in/x", f"/in/{NOBODY}", f"/in/{NOBODY}/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_connection_is_like_no_address(bed: Bed, path: str, method: str) -> None:
    answer = bed.http.request(method, bed.serving.url + path, content=b"{}")
    unknown = bed.http.request(method, bed.serving.url + "/nowhere", content=b"{}")
    assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content)


async def test_nothing_is_stored_of_it(bed: Bed) -> None:
    before = await bed.digest()
    assert bed.http.post(f"{bed.serving.url}/in/{NOBODY}", content=b"{}").status_code == 404
    assert await bed.digest() == before


# Proof


@pytest.mark.row("T2.2")
@pytest.mark.parametrize("system", SYSTEMS)
async def test_every_way_in_asks_for_a_proof(bed: Bed, ana: Person, system: str) -> None:
    assert ana.workspace is not None
    secrets = dict.fromkeys(("secret", "app_secret", "verify_token", "token"), "a-secret")
    given = NewConnection(system=system, secrets=secrets, workspace=ana.workspace.id)  # type: ignore[arg-type]
    made = await bed.runner.write(connections.create, given)
    before = await bed.digest()
    for body in (b"", b"{}", b"x" * 100_000):
        assert bed.http.post(bed.serving.url + made.path, content=body).status_code == 401
    assert await bed.digest() == before


def forged(shop: Shop, other: Shop, body: bytes) -> dict[str, str | None]:
    """Signatures that are none, by what is wrong with them."""
    right = signature(body, shop.secret)
    spaced = json.dumps(json.loads(body), indent=1).encode()
    return {
        "missing": None,
        "empty": "",
        "not base64": "not base64!",
        "too short": base64.b64encode(b"x" * 16).decode(),
        "cut": right[:-4],
        "longer": right + "AAAA",
        "hex": signing.digest(body, shop.secret).hex(),
        "with a prefix": f"sha256={right}",
        "of another secret": signature(body, "another"),
        "of no secret": signature(body, ""),
        "of another connection": signature(body, other.secret),
        "of the body written anew": signature(spaced, shop.secret),
        "of another body": signature(b"{}", shop.secret),
        "a plain hash": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        "lower case": right.lower(),
    }


@pytest.mark.row("T2.1")
async def test_a_forged_signature_is_refused_and_leaves_nothing(
    bed: Bed, ana: Person, shop: Shop
) -> None:
    other = await Shop.of(bed, ana)
    body = encoded(shopify("customers_create"))
    before = await bed.digest()
    for name, given in forged(shop, other, body).items():
        answer = shop.post("customers/create", body, x_shopify_hmac_sha256=given)
        assert answer.status_code == 401, name
        assert answer.json() == UNAUTHENTICATED, name
    assert await bed.digest() == before
    logged = bed.serving.logged("webhook.sig_invalid")
    # The first of a minute from one address, whichever test it was of.
    assert (logged["source"] in SYSTEMS, logged["status"]) == (True, 401)
    assert (type(logged["body_bytes"]), bool(logged["ip"])) == (int, True)


@pytest.mark.row("T2.1")
@pytest.mark.parametrize("value", [b"\xff\xfe\xfd", "Sé😀".encode(), b"\x80" * 44, b"A" * 9_000])
def test_a_header_that_is_no_ascii(bed: Bed, shop: Shop, value: bytes) -> None:
    """Sent over a bare socket: clients would not."""
    body = encoded(shopify("customers_create"))
    head = (
        f"POST {shop.connection.path} HTTP/1.1\r\nHost: kith\r\nConnection: close\r\n"
        f"X-Shopify-Topic: customers/create\r\nContent-Length: {len(body)}\r\n{HMAC}: "
    )
    with socket.create_connection(("127.0.0.1", bed.serving.port)) as client:
        client.sendall(head.encode() + value + b"\r\n\r\n" + body)
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 401"), answer


@pytest.mark.row("T2.1")
@pytest.mark.parametrize("body", [EMOJI.encode(), json.dumps(json.loads(EMOJI)).encode()])
async def test_bodies_are_proven_as_they_came(ana: Person, shop: Shop, body: bytes) -> None:
    """Emoji as they are, and escaped: each is other bytes."""
    await shop.send("customers/create", body)
    assert contact(ana)["name"] == "Zoë 👩🏽‍🚀"


@pytest.mark.row("T2.2")
async def test_two_secrets_count_while_rotating(ana: Person, kith: Kith, shop: Shop) -> None:
    former, body = shop.secret, encoded(shopify("customers_create"))
    rotate = ("connect", "rotate", shop.connection.id, "--secret", "the-new-one", "--json")
    assert kith(*rotate).json["former_until"] is not None
    shop.secret = "the-new-one"
    for secret in (former, "the-new-one"):
        answer = shop.post("customers/create", body, x_shopify_hmac_sha256=signature(body, secret))
        assert answer.status_code == 200
    assert kith(*rotate[:4], "the-newest", "--keep-hours", "0", "--json").status == 0
    for secret, status in ((former, 401), ("the-new-one", 401), ("the-newest", 200)):
        answer = shop.post("customers/create", body, x_shopify_hmac_sha256=signature(body, secret))
        assert answer.status_code == status
    await shop.is_read()


@pytest.mark.row("T2.2")
async def test_the_former_secret_ends_with_its_time(bed: Bed, shop: Shop) -> None:
    former = shop.secret
    given = Rotate(
        connection_id=shop.connection.id,
        secrets={"secret": "new"},
        former_kept=timedelta(minutes=1),
    )
    await bed.runner.write(connections.rotate, given)
    body = encoded(shopify("customers_create"))
    header = {"x_shopify_hmac_sha256": signature(body, former)}
    assert shop.post("customers/create", body, **header).status_code == 200
    await bed.change(  # as if the minute were over
        "UPDATE connections SET former_until = :now WHERE uuid = :uuid",
        now=to_us(bed.runner.now()),
        uuid=shop.connection.id,
    )
    assert shop.post("customers/create", body, **header).status_code == 401


async def test_a_removed_connection_is_like_none(ana: Person, kith: Kith, shop: Shop) -> None:
    assert kith("connect", "remove", shop.connection.id, "--json").json["removed"] is True
    answer = shop.post("customers/create", shopify("customers_create"))
    unknown = shop.bed.http.post(shop.bed.serving.url + "/nowhere")
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert shop.connection.id not in kith("connect", "list").out
    assert kith("connect", "rotate", shop.connection.id, "--secret", "x").status == 1


@pytest.mark.row("T2.2", "R8")
async def test_without_the_key_there_is_no_way_in(
    database_url: str, http: httpx.Client, tmp_path: Path
) -> None:
    """The operator's key is lost: the secret cannot be opened, and the log says so."""
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        log = tmp_path / "server.log"
        other = {"database_url": database_url, "secret_key": "the-second"}
        with serving(log, **other, rate_limit_per_minute=0) as running:
            first = Runner(runner.database, sealing_key=lambda: "the-first")
            bed = Bed(running, first, http)
            shop = await Shop.of(bed, await bed.owner("Ana"))
            assert shop.post("customers/create", b"{}").status_code == 404
            logged = running.logged("connection.sealed")
            assert logged["connection_id"] == shop.connection.id
            assert await shop.inbox() == []


async def test_without_any_key_there_is_no_endpoint(
    database_url: str, tmp_path: Path, http: httpx.Client
) -> None:
    """As after a key file that was emptied."""
    settings = Settings(database_url=database_url, secret_key="the-first")
    async with wiring.opened(settings) as runner:
        with serving(
            tmp_path / "server.log", database_url=database_url, rate_limit_per_minute=0
        ) as running:
            if runner.database.engine == "sqlite":
                Path(f"{database_url.removeprefix('sqlite:///')}.key").write_text("")
            bed = Bed(running, runner, http)
            shop = await Shop.of(bed, await bed.owner("Ana"))
            assert shop.post("customers/create", b"{}").status_code == 404
            running.logged("connection.sealed")


# What is taken


@pytest.mark.row("T1.1")
async def test_what_comes_in_is_the_workspace_s_own(
    bed: Bed, ana: Person, mallory: Person, shop: Shop
) -> None:
    """Mallory's shop has the same customer, and her secret opens no other path."""
    hers = await Shop.of(bed, mallory)
    body = encoded(shopify("customers_create", first_name="Hers"))
    await hers.send("customers/create", body)
    assert ana.get_contact(phone=PHONE).status_code == 404
    key = {"x_shopify_webhook_id": "same"}
    await shop.send("customers/create", shopify("customers_create"), **key)
    await hers.send("customers/update", shopify("customers_update", first_name="Hers"), **key)
    assert ana.get_contact(external_id=NAME).json()["name"] == "Bob Biller"
    assert mallory.get_contact(external_id=NAME).json()["name"] == "Hers Biller-Grün"
    answer = bed.http.post(shop.url, content=body, headers=hers.headers("customers/create", body))
    assert answer.status_code == 401
    await hers.send("customers/redact", shopify("customers_redact"))
    assert ana.get_contact(external_id=NAME).status_code == 200
    assert mallory.get_contact(external_id=NAME).status_code == 404


@pytest.mark.row("R7", "F22", "T3.1")
async def test_fifty_at_once_are_one(bed: Bed, ana: Person, shop: Shop) -> None:
    body = encoded(shopify("customers_create"))
    headers = shop.headers("customers/create", body)

    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(50) as threads:

        def send() -> int:
            """As a shop does: again, where there was no room for it yet."""
            answer = wait_until(
                lambda: client.post(shop.url, content=body, headers=headers),
                "room for it",
                is_so=lambda answer: answer.status_code != 503,
            )
            return answer.status_code

        sent = [threads.submit(send) for _ in range(50)]
        assert [one.result() for one in sent] == [200] * 50
    await shop.is_read()
    assert await shop.inbox() == [("read", None, 0)]
    history = ana.get_contact(external_id=NAME, expand=["history"]).json()["history"]
    assert [one["what"] for one in history].count("contact.created") == 1
    assert len(history) == 2
    before = await bed.digest()
    assert bed.http.post(shop.url, content=body, headers=headers).status_code == 200
    assert await bed.digest() == before, "a valid replay has no effect"


@pytest.mark.row("L2")
async def test_a_body_that_is_too_large(bed: Bed, shop: Shop) -> None:
    for size, status in ((8 * 1_048_576, 200), (8 * 1_048_576 + 1, 413)):
        body = b'{"id": 1, "note": "' + b"x" * (size - 21) + b'"}'
        assert len(body) == size
        answer = shop.post("products/create", body)
        assert answer.status_code == status
    assert answer.json()["message"] == "The body is larger than 8 MiB."
    await shop.is_read()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_it_takes_posts_only(bed: Bed, shop: Shop, method: str) -> None:
    answer = bed.http.request(method, shop.url)
    assert (answer.status_code, answer.headers.get("allow")) == (405, "POST")


async def test_the_answer(shop: Shop) -> None:
    answer = shop.post("customers/create", shopify("customers_create"))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["cache-control"] == "no-store"
    await shop.is_read()


async def test_ids_of_connections_in_any_spelling(ana: Person, shop: Shop) -> None:
    shop.url = shop.url.upper().replace("HTTP://", "http://").replace("/IN/", "/in/")
    await shop.send("customers/create", shopify("customers_create"))
    assert contact(ana)["phone"] == PHONE


# The quarantine, from the command line


async def test_what_is_in_quarantine_is_shown_and_replayed(
    ana: Person, kith: Kith, shop: Shop
) -> None:
    assert ana.workspace is not None
    of = ("--workspace", ana.workspace.id)
    assert kith("inbox", "list", *of).out == "Everything that came in was read.\n"
    await shop.send("customers/create", shopify("customers_create", phone=None))
    ana.create_contact(phone="+14155550177")
    changed = shopify("customers_update", phone="+14155550177")
    await shop.send("customers/update", changed)
    [waiting] = kith("inbox", "list", *of, "--json").json
    assert (waiting["state"], waiting["system"]) == ("quarantined", "shopify")
    holders = sorted([ana.get_contact(phone="+14155550177").json()["id"], contact(ana)["id"]])
    assert waiting["reason"] == (
        f"Another contact holds this phone. See contact {holders[0]} and contact {holders[1]}."
    )
    shown = kith("inbox", "show", waiting["id"], *of, "--json").json
    assert json.loads(shown["body"]) == changed
    assert shown["headers"]["x-shopify-topic"] == "customers/update"
    assert waiting["id"] in kith("inbox", "list", *of).out
    ids = [ana.get_contact(phone="+14155550177").json()["id"], contact(ana)["id"]]
    ana.post("merge-contacts", {"contact_id": ids[0], "into": ids[1]})
    assert kith("inbox", "replay", waiting["id"], *of, "--json").json["state"] == "waiting"
    await shop.is_read()
    assert {state for state, _, _ in await shop.inbox()} == {"read"}
    assert ana.get_contact(phone="+14155550177").json()["id"] == ids[1]
    for command in ("show", "replay"):
        assert kith("inbox", command, NOBODY, *of).status == 1
    again = kith("inbox", "replay", waiting["id"], *of)
    assert (again.status, again.err) == (1, "kith: This message was read.\n")
    assert "its body is gone" in kith("inbox", "show", waiting["id"], *of).out


async def test_mallory_sees_no_inbox_but_hers(
    bed: Bed, mallory: Person, kith: Kith, shop: Shop
) -> None:
    assert mallory.workspace is not None
    await shop.send("customers/create", b"{}")
    [(uuid,)] = await bed.rows(
        "SELECT uuid FROM inbox WHERE connection_id = :id", id=shop.connection.row_id
    )
    of = ("--workspace", mallory.workspace.id)
    assert kith("inbox", "list", *of, "--json").json == []
    for command in ("show", "replay"):
        assert kith("inbox", command, uuid, *of).status == 1


@pytest.mark.parametrize("connect", ["shopify", "woocommerce"])
async def test_connections_are_made_at_the_command_line(
    bed: Bed, ana: Person, kith: Kith, connect: str
) -> None:
    assert ana.workspace is not None
    secret = uuid4().hex
    made = kith("connect", connect, "--secret", secret, "--workspace", ana.workspace.id, "--json")
    assert made.json["path"] == f"/in/{made.json['connection']}"
    assert secret not in made.out
    [listed] = kith("connect", "list", "--workspace", ana.workspace.id, "--json").json
    assert listed == {**made.json, "workspace": "Ana's shop"}
    rows = await bed.rows(
        "SELECT secrets FROM connections WHERE uuid = :id", id=made.json["connection"]
    )
    assert secret not in rows[0][0]
    header = HMAC if connect == "shopify" else "x-wc-webhook-signature"
    topic = "x-shopify-topic" if connect == "shopify" else "x-wc-webhook-topic"
    headers = {header: signature(b"{}", secret), topic: "products/create"}
    url = bed.serving.url + made.json["path"]
    assert bed.http.post(url, content=b"{}", headers=headers).status_code == 200


async def test_woocommerce_s_own_options(ana: Person, kith: Kith) -> None:
    assert ana.workspace is not None
    base = ("connect", "woocommerce", "--secret", "x", "--workspace", ana.workspace.id)
    made = kith(*base, "--consent-key", "whatsapp_opt_in", "--ids-as", "main", "--json").json
    assert made["config"] == {"consent_key": "whatsapp_opt_in", "ids_as": "main"}
    refused = kith(*base, "--ids-as", "No Name")
    assert refused.status == 1
    assert refused.err.startswith("kith: The ids as must name a system")
