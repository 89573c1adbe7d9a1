"""Many callers with one key, again and again: one effect, and everybody gets its answer (goal G16).

Short in `make test`; `make idempotency` sets KITH_TEST_IDEMPOTENCY_KEYS to 10,000.
"""

import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.cast import Bed, Person

KEYS = int(os.environ.get("KITH_TEST_IDEMPOTENCY_KEYS", "60"))
CALLERS_MIN, CALLERS_MAX = 2, 10
CONTACTS_MAX = 20

Body = dict[str, Any]


class Shop:
    """Random writes, of which each changes something; `log` is what they must leave behind."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_
        self.tags: dict[str, list[str]] = {}
        """Of each contact that there is, by phone."""
        self.made = 0
        self.log: Counter[str] = Counter()

    def write(self, number: int) -> tuple[str, Body]:
        """An action and its body; `number` is in no other."""
        name = self.random.choice(self._possible())
        return name, self._body(name, number)

    def _possible(self) -> list[str]:
        possible = ["create-contact", "find-or-create-contact"]
        if self.tags:
            possible += ["update-contact", "add-tag"]
        if any(self.tags.values()):
            possible.append("remove-tag")
        if len(self.tags) > CONTACTS_MAX or (self.tags and self.random.random() < 0.3):
            possible.append("delete-contact")
        return possible

    def _body(self, name: str, number: int) -> Body:
        what = {"add-tag": "contact.tagged", "remove-tag": "contact.untagged",
                "update-contact": "contact.updated", "delete-contact": "contact.erased",
                }.get(name, "contact.created")  # fmt: skip
        self.log[what] += 1
        if what == "contact.created":
            self.made += 1
            phone = f"+1415{2_000_000 + self.made}"
            self.tags[phone] = []
            return {"phone": phone, "name": f"n{number}"}
        if name == "remove-tag":
            phone = self.random.choice([phone for phone, tags in self.tags.items() if tags])
            tags = self.tags[phone]
            return {"phone": phone, "tag": tags.pop(self.random.randrange(len(tags)))}
        phone = self.random.choice(list(self.tags))
        if name == "delete-contact":
            del self.tags[phone]
            return {"phone": phone}
        if name == "update-contact":
            return {"phone": phone, "metadata": {"n": number}}
        self.tags[phone].append(f"t{number}")
        return {"phone": phone, "tag": f"t{number}"}


@pytest.mark.row("G16", "R7", "T3.6")
async def test_many_callers_with_one_key_have_one_effect(bed: Bed, ana: Person) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    random_ = random.Random(seed)
    shop = Shop(random_)
    with ThreadPoolExecutor(CALLERS_MAX) as threads:
        for number in range(KEYS):
            name, body = shop.write(number)
            key = f"{seed}-{number}"
            callers = random_.randint(CALLERS_MIN, CALLERS_MAX)
            one_effect(threads, ana, callers, name, body, key)
            rows = await bed.rows(
                "SELECT what, COUNT(*) FROM audit_log WHERE tenant_id = :tenant_id GROUP BY what",
                tenant_id=ana.user.tenant_id,
            )
            assert dict(rows) == dict(shop.log), (number, name, body)
    for phone, tags in shop.tags.items():
        assert ana.get_contact(phone=phone).json()["tags"] == tags[::-1]


def one_effect(
    threads: ThreadPoolExecutor, caller: Person, callers: int, name: str, body: Body, key: str
) -> None:
    """Exactly one caller is the first; all the others get its bytes, now or when they repeat."""
    gate = threading.Barrier(callers)

    def call(_: object = None) -> httpx.Response:
        return caller.post(name, body, headers={"Idempotency-Key": key})

    def with_the_others(_: object) -> httpx.Response:
        gate.wait()
        return call()

    answers = list(threads.map(with_the_others, range(callers)))
    told = [answer for answer in answers if answer.status_code != 409]
    [first] = [answer for answer in told if "idempotency-replayed" not in answer.headers]
    assert first.status_code in (200, 201), first.text
    again = [call() for answer in answers if answer.status_code == 409] or [call()]
    assert all(answer.headers["idempotency-replayed"] == "true" for answer in again)
    assert {seen(answer) for answer in (*told, *again)} == {seen(first)}, (name, body)


def seen(answer: httpx.Response) -> tuple[int, bytes, str | None]:
    return answer.status_code, answer.content, answer.headers.get("etag")


def test_the_shop_is_the_same_for_the_same_seed() -> None:
    """A seed that failed can be replayed."""
    shops = [Shop(random.Random(7)), Shop(random.Random(7))]
    assert [shops[0].write(n) for n in range(200)] == [shops[1].write(n) for n in range(200)]
    assert all(shops[0].log[what] > 5 for what in ("contact.untagged", "contact.erased"))
