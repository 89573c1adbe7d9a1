"""WooCommerce's REST API v3, as far as it lists people, with the refusals of WordPress.

A shop lives by the webhooks that it would send: `happen` takes one, and the API tells what it left.
"""

import base64
import re
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.graph.http import Listener, Listening, Reply, Request, as_json

KEY = "ck_0123456789abcdef0123456789abcdef01234567"
SECRET = "cs_0123456789abcdef0123456789abcdef01234567"
_ORDERBY = {
    "customers": ("id", "include", "name", "registered_date"),
    "orders": ("date", "id", "include", "title", "slug", "modified"),
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class _WordPressError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.reply = as_json(
            {"code": code, "message": "Sorry.", "data": {"status": status}}, status
        )


class WooCommerce(Listening):
    """`faults` are what the next calls are answered with, each once; None lets one pass.
    `on_call` is called before each is answered. `hidden` are customers whom no list shows."""

    system = "woocommerce"

    def __init__(self) -> None:
        self.key = KEY
        self.secret = SECRET
        self.customers: dict[int, dict[str, Any]] = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.hidden: set[int] = set()
        self.requests: list[Request] = []
        self.faults: list[Reply | None] = []
        self.on_call: Callable[[int], None] | None = None
        self._lock = threading.Lock()
        self._listener = Listener(self._answer)

    @property
    def reading(self) -> dict[str, str]:
        """With what Kith is to read it."""
        return {"url": self.url, "consumer_key": self.key, "consumer_secret": self.secret}

    def happen(self, topic: str, body: dict[str, Any], _: str | None = None) -> None:
        """What the webhook tells has happened in the shop."""
        kind, _, event = topic.partition(".")
        rows = self.customers if kind == "customer" else self.orders
        if event == "deleted":
            rows.pop(body["id"], None)
        else:
            rows[body["id"]] = body

    async def _answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        if self.on_call is not None:
            self.on_call(len(self.requests))
        try:
            return fault or self._routed(request)
        except _WordPressError as error:
            return error.reply

    def _routed(self, request: Request) -> Reply:
        match = re.fullmatch(r"/wp-json/wc/v3/(customers|orders)(?:/([0-9]+))?", request.path)
        if match is None or request.method != "GET":
            raise _WordPressError(404, "rest_no_route")
        pair = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            raise _WordPressError(401, "woocommerce_rest_cannot_view")
        rows: dict[int, dict[str, Any]] = getattr(self, match[1])
        if match[2] is not None:
            if int(match[2]) not in rows:
                raise _WordPressError(404, "woocommerce_rest_invalid_id")
            return as_json(_shown(rows[int(match[2])], request.query))
        return _listed(match[1], self._asked(match[1], rows, request.query), request.query)

    def _asked(
        self, kind: str, rows: dict[int, dict[str, Any]], query: dict[str, str]
    ) -> list[dict[str, Any]]:
        found = [row for row in rows.values() if row["id"] not in self.hidden]
        if "include" in query:
            wanted = {int(one) for one in query["include"].split(",")}
            found = [row for row in found if row["id"] in wanted]
        if kind == "customers":
            role = query.get("role", "customer")
            return [row for row in found if role in ("all", row.get("role"))]
        if "modified_after" in query:
            if not _TIME.fullmatch(query["modified_after"]):
                raise _WordPressError(400, "rest_invalid_param")
            field = "date_modified_gmt" if query.get("dates_are_gmt") == "true" else "date_modified"
            found = [row for row in found if row[field] > query["modified_after"]]
        return found


def _listed(kind: str, rows: list[dict[str, Any]], query: dict[str, str]) -> Reply:
    per_page, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
    orderby = query.get("orderby", "name" if kind == "customers" else "date")
    order = query.get("order", "asc" if kind == "customers" else "desc")
    if not 1 <= per_page <= 100 or orderby not in _ORDERBY[kind] or order not in ("asc", "desc"):
        raise _WordPressError(400, "rest_invalid_param")
    offset = int(query.get("offset", "0")) or (page - 1) * per_page
    by_date = orderby in ("registered_date", "date")
    rows = sorted(
        rows,
        key=lambda row: (row["date_created_gmt"] if by_date else "", row["id"]),
        reverse=order == "desc",
    )
    shown = rows[offset : offset + per_page]
    pages = -(-len(rows) // per_page)
    return as_json(
        [_shown(row, query) for row in shown],
        x_wp_total=str(len(rows)),
        x_wp_totalpages=str(pages),
    )


def _shown(row: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    fields = query.get("_fields")
    if fields is None:
        return row
    return {name: row[name] for name in fields.split(",") if name in row}


def gmt(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")
