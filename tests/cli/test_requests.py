"""`kith requests`: what customers of shops ask for leads to somebody who answers."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cast import Bed, Person
from tests.cli.kith import Kith
from tests.integrations.test_shopify import NAME, PHONE, contact, shopify
from tests.shops import Shop


@pytest.fixture
async def shop(bed: Bed, ana: Person) -> Shop:
    return await Shop.of(bed, ana)


def of(person: Person) -> tuple[str, str]:
    assert person.workspace is not None
    return "--workspace", person.workspace.id


async def asked(shop: Shop, number: int = 9999) -> None:
    body = shopify("customers_data_request", data_request={"id": number})
    await shop.send("customers/data_request", body)


async def test_whoever_asked_before_they_were_known_is_answered(
    ana: Person, shop: Shop, beside: Kith, tmp_path: Path
) -> None:
    """What a shop tells of a customer may be read after what they asked for."""
    await asked(shop)
    [waits] = beside("requests", "list", "--json", *of(ana)).json
    assert (waits["customer"], waits["contact_id"], waits["closed_at"]) == (NAME, None, None)
    await shop.send("customers/create", shopify("customers_create"))
    uuid = contact(ana)["id"]
    [waits] = beside("requests", "list", "--json", *of(ana)).json
    assert waits["contact_id"] == uuid
    [shown] = ana.post("export-contact", {"phone": PHONE}).json()["data_requests"]
    assert shown["id"] == waits["id"]
    file = tmp_path / "bob.json"
    command = ("requests", "answer", waits["id"], "--output", str(file))
    answered = beside(*command, "--json", *of(ana)).json
    assert (answered["contact_id"], answered["closed_at"] is None) == (uuid, False)
    assert json.loads(file.read_text())["contact"]["name"] == "Bob Biller"
    assert beside("requests", "list", "--json", *of(ana)).json == [answered]
    assert len(ana.post("export-contact", {"phone": PHONE}).json()["data_requests"]) == 1


async def test_of_somebody_erased_nothing_is_found_again(
    ana: Person, shop: Shop, beside: Kith
) -> None:
    """Also of whoever asked before they were known."""
    await asked(shop)
    await shop.send("customers/create", shopify("customers_create"))
    assert ana.post("delete-contact", {"phone": PHONE}).status_code == 200
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    await shop.send("customers/update", shopify("customers_create", updated_at=later))
    assert contact(ana)["phone"] == PHONE
    [waits] = beside("requests", "list", "--json", *of(ana)).json
    assert (waits["customer"], waits["contact_id"]) == (None, None)


async def test_how_many_wait_is_told(
    bed: Bed, ana: Person, shop: Shop, beside: Kith, tmp_path: Path
) -> None:
    assert beside("requests", "list", *of(ana)).out == "Nobody asked.\n"
    for number in (1, 2):
        await asked(shop, number)
    bed.serving.logged("data_request.waiting", connection_id=shop.connection.id)
    waiting = beside("requests", "list", "--json", *of(ana)).json
    for left, one in ((2, waiting[0]), (1, waiting[1])):
        last = beside("requests", "list", *of(ana)).out.splitlines()[-1]
        assert last.startswith("2 wait for" if left == 2 else "1 waits for")
        assert one["due_at"] in last
        file = str(tmp_path / f"{left}.json")
        done = beside("requests", "answer", one["id"], "--output", file, *of(ana))
        assert done.out.startswith("Nothing is held on them")
    assert beside("requests", "list", *of(ana)).out.endswith("\nAll of them are answered.\n")


def test_it_is_on_the_first_page(tmp_path: Path) -> None:
    first = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("--help").out
    [line] = [line for line in first.splitlines() if line.strip().startswith("requests ")]
    assert line.endswith("  Answer customers of shops who ask what is held on them.")
