"""Deliveries of shops in great number: forged ones change nothing (goal G20), those that come many
times and in any order have one effect each (goal G12).

Short in `make test`; KITH_TEST_FORGED and KITH_TEST_DELIVERIES make them longer.
"""

import base64
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.cast import Bed, Person
from tests.shops import Shop, encoded, payload, signature

FORGED = int(os.environ.get("KITH_TEST_FORGED", "300"))
DELIVERIES = int(os.environ.get("KITH_TEST_DELIVERIES", "300"))
LANES = 8


def forgeries(shop: Shop, chance: random.Random) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Bodies with signatures that are nearly right."""
    while True:
        body = encoded(payload("shopify", "customers_create", id=chance.randrange(1, 2**53)))
        right = base64.b64decode(signature(body, shop.secret))
        wrong = bytearray(right)
        wrong[chance.randrange(32)] ^= 1 << chance.randrange(8)
        given = chance.choice(
            [
                base64.b64encode(bytes(wrong)).decode(),
                base64.b64encode(right[: chance.randrange(32)]).decode(),
                base64.b64encode(chance.randbytes(32)).decode(),
                signature(body + b" ", shop.secret),
                signature(body, shop.secret[:-1]),
                "".join(chr(chance.randrange(33, 126)) for _ in range(chance.randrange(60))),
            ]
        )
        yield body, shop.headers("customers/create", body, x_shopify_hmac_sha256=given)


@pytest.mark.row("G20", "T2.1")
async def test_forged_deliveries_change_nothing(bed: Bed, ana: Person) -> None:
    shop = await Shop.of(bed, ana)
    seed = random.randrange(2**32)
    print("seed", seed)
    made = forgeries(shop, random.Random(seed))
    before = await bed.digest()
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(LANES) as threads:
        statuses: Counter[int] = Counter()
        for start in range(0, FORGED, 1_000):
            sent = [
                threads.submit(client.post, shop.url, content=body, headers=headers)
                for body, headers in (next(made) for _ in range(min(1_000, FORGED - start)))
            ]
            statuses.update(one.result().status_code for one in sent)
    assert statuses == {401: FORGED}
    assert await bed.digest() == before


@pytest.mark.row("G12", "F22", "R7")
async def test_deliveries_many_times_in_any_order(bed: Bed, ana: Person) -> None:
    """Each customer is told of three times, each telling is delivered once to fifty times."""
    shop = await Shop.of(bed, ana)
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    deliveries: list[tuple[bytes, dict[str, str]]] = []
    customer = 0
    while len(deliveries) < DELIVERIES:
        customer += 1
        for telling in range(3):
            body = encoded(
                payload(
                    "shopify",
                    "customers_create",
                    id=customer,
                    phone=f"+1415{5_000_000 + customer}",
                    email=None,
                    first_name=f"Told {telling}",
                    updated_at=f"2026-05-0{telling + 1}T00:00:00Z",
                )
            )
            headers = shop.headers("customers/update", body)
            deliveries += [(body, headers)] * chance.randrange(1, 51)
    chance.shuffle(deliveries)
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(LANES) as threads:
        sent = [
            threads.submit(client.post, shop.url, content=body, headers=headers)
            for body, headers in deliveries
        ]
        assert {one.result().status_code for one in sent} == {200}
    await shop.is_read()
    assert set(await shop.inbox()) == {("read", None, 0)}
    assert len(await shop.inbox()) == customer * 3
    tenant = shop.connection.tenant_id
    rows = await bed.rows("SELECT name FROM contacts WHERE tenant_id = :id", id=tenant)
    assert [row[0] for row in rows] == ["Told 2 Biller"] * customer
    created = await bed.rows(
        "SELECT COUNT(*) FROM audit_log WHERE tenant_id = :id AND what = 'contact.created'",
        id=tenant,
    )
    assert created == [(customer,)]
