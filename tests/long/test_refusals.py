"""Refused requests change nothing: the digest of all rows stays as it was (goal G5, rule R2).

Short in `make test`; `make refusals` sets KITH_TEST_REFUSALS to 10,000.
"""

import json
import os
import random
from typing import Any

import pytest

from tests.cast import Bed, Person

REFUSALS = int(os.environ.get("KITH_TEST_REFUSALS", "200"))
BETWEEN_DIGESTS = 50

BAD_FIELDS: list[dict[str, Any]] = [
    {"phone": "abc"},
    {"phone": "+14155550123", "email": "nobody"},
    {"phone": "+14155550123", "tags": 5},
    {"phone": "+14155550123", "tags": "x" * 256},
    {"phone": "+14155550123", "metadata": "x"},
    {"phone": "+14155550123", "metadata": {"a": 2**53}},
    {"phone": "+14155550123", "metadata": {"a": "x" * 65_536}},
    {"phone": "+14155550123", "name": "a\x00b"},
    {"phone": "+14155550123", "name": "x" * 257},
    {"phone": ["+14155550123"]},
    {"name": "no phone", "tags": "new-tag"},
    {},
]
BAD_BODIES = [b"{", b"[]", b'"x"', b"\xff", b'{"phone": NaN}', b'{"phone": 1e400}', b"[" * 40]


def refused(random_: random.Random, ana: Person, ben: Person) -> tuple[int, set[int]]:
    """Send one bad request; its status and those it may have."""
    kind = random_.randrange(5)
    if kind == 0:
        return ana.create_contact(**random_.choice(BAD_FIELDS)).status_code, {422}
    if kind == 1:
        action = random_.choice(["create-contact", "get-contact"])
        return ana.post(action, random_.choice(BAD_BODIES)).status_code, {400, 422}
    if kind == 2:  # may only read
        return ben.create_contact(phone="+14155550199", tags="new").status_code, {403}
    if kind == 3:
        given = random_.choice([{"phone": "+14155550999"}, {"contact_id": "0" * 26}, {}])
        return ana.get_contact(**given).status_code, {404, 422}
    headers = {"Authorization": random_.choice(["", "Bearer x", f"Basic {ana.token}", "Bearer é"])}
    body = json.dumps({"phone": "+14155550198"}).encode()
    answer = ana.http.post(
        f"{ana.url}/api/v1/actions/create-contact",
        content=body,
        headers={name: value.encode() for name, value in headers.items()},  # type: ignore[misc]
    )
    return answer.status_code, {401}


@pytest.mark.row("G5", "T1.1", "R2")
async def test_refusals_change_nothing(bed: Bed, ana: Person, ben: Person) -> None:
    ana.create_contact(phone="+14155550123", name="Romain", tags="vip")
    seed = random.randrange(2**32)
    print("seed", seed)
    random_ = random.Random(seed)
    before = await bed.digest()
    for number in range(1, REFUSALS + 1):
        status, expected = refused(random_, ana, ben)
        assert status in expected
        if number % BETWEEN_DIGESTS == 0:
            assert await bed.digest() == before
    assert await bed.digest() == before
