"""Shops that write to a running Kith, as the vendors document it: signed payload files."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from operator import not_
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from kith.actions import connections
from kith.actions.connections import NewConnection
from kith.domain.connections import Connection, System
from tests.cast import Bed, Person
from tests.waits import await_until

PAYLOADS = Path(__file__).parent / "integrations"


def payload(system: str, name: str, **changes: Any) -> dict[str, Any]:
    """A body as the vendor shows it, with some fields of its first level changed."""
    found: dict[str, Any] = json.loads(
        (PAYLOADS / f"{system}_payloads" / f"{name}.json").read_bytes()
    )
    return {**found, **changes}


def signature(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class Shop:
    """A connection of a workspace, seen from the other side."""

    def __init__(self, bed: Bed, connection: Connection, secret: str) -> None:
        self.bed = bed
        self.connection = connection
        self.secret = secret
        self.url = bed.serving.url + connection.path

    @classmethod
    async def of(
        cls, bed: Bed, owner: Person, system: System = "shopify", **config: object
    ) -> "Shop":
        assert owner.workspace is not None
        secret = uuid4().hex
        given = NewConnection(
            system=system,
            secrets={"secret": secret},
            config=config,
            workspace=owner.workspace.id,
        )
        return cls(bed, await bed.runner.write(connections.create, given), secret)

    def headers(self, topic: str, body: bytes, **more: str | None) -> dict[str, str]:
        """Of a delivery of its own. More by their names with _ for -; None leaves one out."""
        if self.connection.system == "shopify":
            made: dict[str, str | None] = {
                "x-shopify-topic": topic,
                "x-shopify-shop-domain": "snowdevil.myshopify.example",
                "x-shopify-api-version": "2026-07",
                "x-shopify-webhook-id": str(uuid4()),
                "x-shopify-hmac-sha256": signature(body, self.secret),
            }
        else:
            resource, _, event = topic.partition(".")
            made = {
                "x-wc-webhook-source": "https://shop.example/",
                "x-wc-webhook-topic": topic,
                "x-wc-webhook-resource": resource,
                "x-wc-webhook-event": event,
                "x-wc-webhook-id": "7",
                "x-wc-webhook-delivery-id": uuid4().hex,
                "x-wc-webhook-signature": signature(body, self.secret),
            }
        made |= {name.replace("_", "-"): value for name, value in more.items()}
        return {name: value for name, value in made.items() if value is not None}

    def post(self, topic: str, body: object, **headers: str | None) -> httpx.Response:
        raw = encoded(body)
        made = {"Content-Type": "application/json", **self.headers(topic, raw, **headers)}
        return self.bed.http.post(self.url, content=raw, headers=made)

    async def send(self, topic: str, body: object, **headers: str | None) -> None:
        """Post it and wait until it was read."""
        answer = self.post(topic, body, **headers)
        assert answer.status_code == 200, answer.text
        await self.is_read()

    async def is_read(self) -> None:
        """Until nothing of this connection waits, nor any job of the workspace is due."""
        await await_until(self.waiting, "an end of the jobs", is_so=not_)

    async def waiting(self) -> list[tuple[Any, ...]]:
        return await self.bed.rows(
            "SELECT kind, subject, tries, problem FROM jobs WHERE tenant_id = :tenant_id"
            " AND gave_up_at IS NULL",
            tenant_id=self.connection.tenant_id,
        )

    async def inbox(self) -> list[tuple[Any, ...]]:
        """State, reason and whether it was repaired, oldest first."""
        return await self.bed.rows(
            "SELECT i.state, i.reason, i.is_sanitized FROM inbox i WHERE i.tenant_id = :tenant_id"
            " AND i.connection_id = :row_id ORDER BY i.uuid",
            tenant_id=self.connection.tenant_id,
            row_id=self.connection.row_id,
        )


def sans(body: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """Without these fields."""
    return {name: value for name, value in body.items() if name not in fields}
