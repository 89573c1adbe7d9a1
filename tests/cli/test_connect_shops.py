"""`kith connect` with shops: what is needed to poll them is given, shown, changed and removed."""

import time
from typing import Any

import pytest

from tests.cast import Bed, Person
from tests.cli.kith import Kith, Result
from tests.conftest import RECEIVERS, SECRET_KEY
from tests.jobs.test_poll_shops import no_jobs_left as no_jobs_left
from tests.jobs.test_poll_shops import some
from tests.jobs.test_poll_shops import vendor as vendor
from tests.polled import Vendor
from tests.vendors.shopify import Shopify
from tests.waits import await_until

KEYS = ["connection", "path", "system", "name", "config", "created_at", "former_until", "poll"]


@pytest.fixture
def beside(bed: Bed, server_database_url: str) -> Kith:
    """On the database of a running server, whose machine may be called."""
    return Kith(database_url=server_database_url, secret_key=SECRET_KEY, allowed_networks=RECEIVERS)


def needed(vendor: Vendor) -> list[str]:
    if isinstance(vendor, Shopify):
        return ["--shop", vendor.url, "--access-token", vendor.token]
    return [
        "--url", vendor.url, "--consumer-key", vendor.key, "--consumer-secret", vendor.secret,
    ]  # fmt: skip


def connect(kith: Kith, ana: Person, vendor: Vendor, *more: str) -> Result:
    assert ana.workspace is not None
    return kith("connect", vendor.system, "--secret", "s", "--workspace", ana.workspace.id, *more)


def listed(kith: Kith, ana: Person) -> dict[str, Any]:
    assert ana.workspace is not None
    [found] = kith("connect", "list", "--workspace", ana.workspace.id, "--json").json
    return dict(found)


async def is_planned(bed: Bed, connection_id: str) -> None:
    """Once the worker has done what it began: one job, for the next hour."""
    await await_until(
        lambda: bed.rows("SELECT due_at FROM jobs WHERE subject = :id", id=connection_id),
        "the next round",
        is_so=lambda rows: len(rows) == 1 and rows[0][0] / 1e6 > time.time() + 3_000,
    )


async def test_without_it_nothing_is_polled(beside: Kith, ana: Person, vendor: Vendor) -> None:
    made = connect(beside, ana, vendor, "--json").json
    assert list(made) == KEYS
    assert made["poll"] is None
    assert listed(beside, ana)["poll"] is None
    assert ana.workspace is not None
    line = beside("connect", "list", "--workspace", ana.workspace.id).out.splitlines()[1]
    assert line.endswith("  no")
    refused = beside("connect", "poll", made["connection"])
    assert (refused.status, "change-shop" in refused.err) == (1, True)


async def test_a_poll_by_hand(bed: Bed, beside: Kith, ana: Person, vendor: Vendor) -> None:
    """Everything that is read is written when it ends, and counted."""
    for number in (1, 2, 3):
        vendor.happen(*some(vendor, number, 1))
    made = connect(beside, ana, vendor, "--json").json
    changed = beside("connect", "change-shop", made["connection"], *needed(vendor), "--json").json
    assert changed["poll"]["done_at"] is None
    told = beside("connect", "poll", made["connection"], "--json").json
    assert (told["unread"], told["problem"]) == (0, None)
    assert len(ana.post("search-contacts", {}).json()) == 3
    said = beside("connect", "poll", made["connection"])
    assert (said.status, said.err) == (0, "")
    assert "0 had news, 0 are customers no more" in said.out
    await is_planned(bed, made["connection"])  # the server's worker reads the shop, too
    shown = listed(beside, ana)
    assert shown["poll"]["done_at"] is not None
    assert (shown["poll"]["under_way"], shown["poll"]["problem"]) == (False, None)
    await is_planned(bed, made["connection"])
    await bed.change("DELETE FROM jobs WHERE subject = :id", id=made["connection"])
    for _ in range(2):
        assert beside("connect", "poll", made["connection"]).status == 0
    await is_planned(bed, made["connection"])  # a job that was lost is there again
    off = beside("connect", "change-shop", made["connection"], "--no-poll", "--json").json
    assert (off["poll"], "poll_url" in off["config"]) == (None, False)
    assert beside("connect", "poll", made["connection"]).status == 1


async def test_secrets_are_rotated_and_go(
    bed: Bed, beside: Kith, ana: Person, vendor: Vendor
) -> None:
    made = connect(beside, ana, vendor, *needed(vendor), "--json").json
    is_shopify = isinstance(vendor, Shopify)
    new = "shpat_new" if is_shopify else "cs_new"
    if isinstance(vendor, Shopify):
        vendor.token = new
    else:
        vendor.secret = new
    refused = beside("connect", "poll", made["connection"])
    assert refused.status == 1
    assert "does not take the" in refused.err
    assert "does not take the" in listed(beside, ana)["poll"]["problem"]
    option = "--access-token" if is_shopify else "--consumer-secret"
    assert beside("connect", "rotate", made["connection"], option, new, "--json").status == 0
    assert beside("connect", "poll", made["connection"]).status == 0
    assert listed(beside, ana)["poll"]["problem"] is None
    await is_planned(bed, made["connection"])
    assert beside("connect", "remove", made["connection"]).status == 0
    assert await bed.rows(
        "SELECT secrets FROM connections WHERE uuid = :id", id=made["connection"]
    ) == [("",)]
    assert (
        await bed.rows(
            "SELECT 1 FROM shop_polls WHERE connection_uuid = :id", id=made["connection"]
        )
        == []
    )


@pytest.mark.parametrize(
    ("system", "given", "told"),
    [
        ("shopify", ["--shop", "http://127.0.0.1:9"], "The access token is missing"),
        ("shopify", ["--access-token", "x"], "The shop is missing"),
        ("shopify", ["--shop", "http://127.0.0.2/", "--access-token", "x"], "The shop must be an"),
        ("shopify", ["--shop", "https://a.com/x", "--access-token", "x"], "the shop itself"),
        ("shopify", ["--shop", "acme", "--access-token", "x"], "The shop must be"),
        (
            "shopify",
            ["--shop", "http://127.0.0.1:9", "--access-token", "x", "--api-version", "2024-10"],
            "The api version must be a version of Shopify's API from 2025-04 on",
        ),
        ("shopify", ["--shop", "http://127.0.0.1:9", "--access-token", "\n"], "The access token"),
        ("woocommerce", ["--url", "https://10.0.0.1"], "The url must be an https address"),
        ("woocommerce", ["--url", "http://127.0.0.1:9"], "The consumer key is missing"),
        ("woocommerce", ["--consumer-key", "k", "--consumer-secret", "s"], "The url is missing"),
    ],
)
async def test_what_is_wrong_is_named(
    beside: Kith, ana: Person, system: str, given: list[str], told: str
) -> None:
    assert ana.workspace is not None
    workspace = ana.workspace.id
    answer = beside("connect", system, "--secret", "s", "--workspace", workspace, *given)
    assert (answer.status, told in answer.err) == (1, True), answer.err
    found = beside("connect", "list", "--workspace", workspace, "--json").json
    assert found == []


async def test_what_cannot_be_polled(beside: Kith, ana: Person) -> None:
    assert ana.workspace is not None
    made = beside("connect", "zapier", "--workspace", ana.workspace.id, "--json").json
    for command in (["poll"], ["change-shop", "--no-poll"], ["change-shop", "--url", "x"]):
        refused = beside("connect", command[0], made["connection"], *command[1:])
        assert refused.status == 1, refused.err
    nobody = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
    assert "There is no connection" in beside("connect", "poll", nobody).err
    assert beside("connect", "change-shop", made["connection"]).status == 2
