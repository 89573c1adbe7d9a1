"""A shop that Kith polls: its API on this machine, and what became of it in a workspace."""

from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from kith.actions import shop_polls
from kith.actions.connections import NewConnection, of_tenant
from kith.actions.shop_polls import Begin, ConnectShop, Reading
from kith.domain.connections import Connection
from kith.domain.shop_polls import Poll
from kith.jobs.ask import Asker
from kith.jobs.guard import Guard
from kith.jobs.poll_shop import ShopPoll
from kith.settings import networks
from kith.store import shop_polls as poll_rows
from tests.cast import Bed, Person
from tests.conftest import RECEIVERS
from tests.shops import Shop
from tests.vendors.shopify import Shopify
from tests.vendors.woocommerce import WooCommerce
from tests.waits import await_until

Vendor = Shopify | WooCommerce


class PolledShop(Shop):
    """A connection that may also be sent webhooks."""

    vendor: Vendor

    @classmethod
    async def at(
        cls, bed: Bed, owner: Person, vendor: Vendor, *, by_itself: bool = False, **config: object
    ) -> "PolledShop":
        """Unless `by_itself`, no worker polls it: the test does."""
        assert owner.workspace is not None
        secret = uuid4().hex
        new = NewConnection(
            system=vendor.system,  # type: ignore[arg-type]
            secrets={"secret": secret},
            config=config,
            workspace=owner.workspace.id,
        )
        given = ConnectShop(connection=new, reading=Reading(**vendor.reading))

        async def connect(ctx: Any, given: ConnectShop) -> Connection:
            made = await shop_polls.connect(ctx, given)
            if not by_itself:
                await ctx.tx.run("DELETE FROM jobs WHERE subject = :id", id=made.id)
            return made

        made = cls(bed, await bed.runner.write(connect, given), secret)
        made.vendor = vendor
        return made

    async def poll(self, *, is_full: bool = True) -> Poll:
        """A whole round, until everything that it told was read. Raises PollFailed."""
        runner, shop = self.bed.runner, ShopPoll(_asker())
        caller = of_tenant(self.connection.tenant_id)
        begin = Begin(connection_id=self.connection.id, is_full=is_full)
        polling = await runner.write(shop_polls.begin, begin, caller)
        while polling is not None:
            await shop.page(runner, polling, caller)
            polling = await runner.read(shop_polls.go_on, self.connection.id, caller)
        await self.is_read()
        return await self.progress()

    async def progress(self) -> Poll:
        return await self.bed.read(
            lambda tx: poll_rows.of(
                tx, tenant_id=self.connection.tenant_id, connection_uuid=self.connection.id
            )
        )

    async def is_polled(self) -> Poll:
        """Until a worker has done a round, and read what it told."""
        told = await await_until(self.progress, "a round", is_so=lambda poll: poll.done_at)
        await self.is_read()
        return told

    async def waiting(self) -> list[tuple[Any, ...]]:
        """The job that polls waits for ever."""
        return [row for row in await super().waiting() if row[0] != "poll_shop"]


@cache
def _asker() -> Asker:
    """Made once: it takes long."""
    return Asker(Guard(networks(RECEIVERS)))


def people(owner: Person) -> list[dict[str, Any]]:
    """Every contact with its consent, without what differs between two workspaces."""
    found = []
    for one in owner.post("search-contacts", {"limit": 100}).json():
        given = {"contact_id": one["id"]}
        whole = _ok(owner.get_contact(**given, expand=["identities"]))
        consent = _ok(owner.post("get-consent", given))["consent"]
        records = _ok(owner.post("list-consent", given))["records"]
        found.append(
            {
                **{name: whole[name] for name in (
                    "name", "phone", "email", "metadata", "source", "opted_in_at", "opted_out_at",
                )},
                "tags": sorted(whole["tags"]),
                "names": sorted((x["kind"], x["value"]) for x in whole["identities"]),
                "consent": sorted((x["channel"], x["purpose"], x["state"]) for x in consent),
                "told": _last(records),
            }
        )  # fmt: skip
    return sorted(found, key=lambda one: (one["name"] or "", one["email"] or "", str(one["names"])))


def _last(records: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """What the ledger was last told of each channel: what came before it, no API tells."""
    records = sorted(records, key=lambda one: str(one["occurred_at"]))
    return {
        one["channel"]: tuple(one[name] for name in ("state", "occurred_at", "source", "method"))
        for one in records
    }


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()
