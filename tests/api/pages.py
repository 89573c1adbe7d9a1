"""A form on a web page as the server sees it: what its script sends, without a browser."""

import asyncio
import re
import time
from collections.abc import Mapping
from operator import not_
from typing import Any

import altcha
import httpx

from kith.actions import connections, widgets
from kith.actions.widgets import NewWidget
from kith.domain.connections import Connection
from tests.cast import Bed, Person
from tests.waits import await_until, wait_until

ORIGIN = "https://shop.example"
CODE = re.compile(r"OPTIN-[A-Z2-7]{24}")


class Page:
    """One connection, and a page of an origin that it names."""

    def __init__(self, bed: Bed, connection: Connection, secret: str) -> None:
        self.bed = bed
        self.connection = connection
        self.secret = secret
        self.url = bed.serving.url + connection.path

    def proof(self, **given: Any) -> str:
        """Of work that was little: the tests know the secret, and choose the first number."""
        made = altcha.create_challenge(
            "SHA-256",
            1,
            **{"counter": 0, "hmac_secret": self.secret, "expires_at": int(time.time()) + 60}
            | given,
        )
        return solved(made)

    def form(self, origin: str | None = ORIGIN, **query: str) -> httpx.Response:
        return self.bed.http.get(self.url, params=query, headers=_from(origin))

    def filled(self, **given: object) -> dict[str, object]:
        """What the script sends when all is well; None leaves a field out."""
        body = {
            "name": "Romain",
            "phone": "+33612345678",
            "country": "FR",
            "consent": True,
            "wording_version": self.connection.config["wording_version"],
            "locale": "fr",
            "url": f"{ORIGIN}/join?mail=a@example.com#form",
            "proof": self.proof(),
        } | given
        return {name: value for name, value in body.items() if value is not None}

    def post(
        self,
        content: bytes,
        origin: str | None = ORIGIN,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0 (tests)"}
        return self.bed.http.post(
            self.url, content=content, headers=sent | _from(origin) | dict(headers or {})
        )

    def ask(self, headers: Mapping[str, str] | None = None, **given: object) -> httpx.Response:
        body = httpx.Request("POST", self.url, json=self.filled(**given)).content
        return self.post(body, headers=headers)

    def code(self, **given: object) -> str:
        """The message that the page shows, with its code."""
        answer = self.ask(**given)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["message"])


def solved(challenge: altcha.Challenge) -> str:
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return str(altcha.Payload(challenge, solution).to_base64())


def filed(person: Person, phone: str) -> dict[str, Any]:
    """The contact of a number, as soon as a worker has filed it."""
    answer = wait_until(
        lambda: person.get_contact(phone=phone),
        f"the contact of {phone}",
        is_so=lambda answer: answer.status_code != 404,
    )
    return dict(answer.json())


async def new_page(bed: Bed, person: Person, **given: Any) -> Page:
    assert person.workspace is not None
    new = NewWidget(**{"origins": (ORIGIN,), "workspace": person.workspace.id} | given)
    made = await bed.runner.write(widgets.create, new)
    opened = await bed.runner.read(connections.open_, made.id)
    assert opened is not None
    await asyncio.sleep(0)  # let go of SQLite's snapshot, as `Bed.read` does
    return Page(bed, made, opened.each("secret")[0])


async def none_waits(bed: Bed, page: Page) -> None:
    """Until everything that was asked for is filed."""
    sql = "SELECT 1 FROM jobs WHERE tenant_id = :tenant_id AND kind = 'file_opt_in'"
    await await_until(
        lambda: bed.rows(sql, tenant_id=page.connection.tenant_id), "an end of the jobs", is_so=not_
    )


def _from(origin: str | None) -> dict[str, str]:
    return {"Origin": origin} if origin is not None else {}
