"""Mallory: another workspace's people read exactly like nobody (row T1.1, invariant 1)."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from ulid import ULID

from kith.api.routes import ROUTES
from tests.cast import Bed, Person

PHONE = "+14155550123"
EMAIL = "romain@example.com"
UNKNOWN_PHONE = "+14155550199"
VARIES = {"x-request-id", "x-ratelimit-remaining", "date"}

# Every way in which an operation may be pointed at somebody: (action, field, whose).
POINTERS = {
    "get-contact": ["contact_id", "phone", "email"],
    "create-contact": ["phone"],
}


@pytest.fixture
def romain(ana: Person) -> dict[str, Any]:
    """Ana's contact, which Mallory wants."""
    saved: dict[str, Any] = ana.create_contact(
        phone=PHONE, name="Romain", email=EMAIL, tags="vip", metadata={"a": 1}
    ).json()
    return saved


def wire(answer: httpx.Response) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """All that a caller can see, without what differs from call to call."""
    headers = [(k, v) for k, v in answer.headers.raw if k.decode().lower() not in VARIES]
    return answer.status_code, answer.content, headers


def test_every_operation_is_in_the_matrix() -> None:
    assert {route.name for route in ROUTES} == {*POINTERS, "me"}


@pytest.mark.row("T1.1")
@pytest.mark.parametrize(
    ("field", "unknown"),
    [("contact_id", None), ("phone", UNKNOWN_PHONE), ("email", "nobody@example.com")],
)
async def test_foreign_reads_like_unknown(
    bed: Bed, mallory: Person, romain: dict[str, Any], field: str, unknown: str | None
) -> None:
    before = await bed.digest()
    theirs = {"contact_id": romain["id"], "phone": PHONE, "email": EMAIL}[field]
    spellings = {theirs, theirs.upper()}
    if field == "contact_id":
        spellings.add(str(ULID.from_uuid(UUID(theirs))))
    expected = wire(mallory.get_contact(**{field: unknown or str(uuid4())}))
    assert expected[:2] == (404, b'{"error":"Contact not found"}')
    for spelling in spellings:
        for more in ({}, {"tenant_id": romain["id"], "workspace": "Ana's shop"}):
            assert wire(mallory.get_contact(**{field: spelling}, **more)) == expected
    assert await bed.digest() == before


@pytest.mark.row("T1.1", "R4")
async def test_tenant_comes_from_the_token_only(
    bed: Bed, ana: Person, mallory: Person, romain: dict[str, Any]
) -> None:
    assert ana.workspace is not None
    for headers in (
        {"Host": "anas-shop.kith.test"},
        {"X-Tenant-Id": ana.workspace.id},
        {"X-Workspace": ana.workspace.name},
        {"Cookie": f"tenant_id={ana.workspace.row_id}"},
    ):
        answer = mallory.post("get-contact", {"phone": PHONE}, headers=headers)
        assert answer.status_code == 404
    for query in (f"?tenant_id={ana.workspace.row_id}", f"?workspace={ana.workspace.id}"):
        assert mallory.post(f"get-contact{query}", {"phone": PHONE}).status_code == 404


@pytest.mark.row("T1.1")
async def test_creating_the_same_person_touches_nobody_else(
    bed: Bed, ana: Person, mallory: Person, romain: dict[str, Any]
) -> None:
    whole = ana.get_contact(phone=PHONE).json()
    new = mallory.create_contact(phone=UNKNOWN_PHONE, name="M", tags="vip")
    same = mallory.create_contact(
        phone=PHONE, name="M", email=EMAIL, tags="vip", id=romain["id"], contact_id=romain["id"]
    )
    assert new.status_code == same.status_code == 201
    assert list(new.json()) == list(same.json())
    assert same.json()["id"] != romain["id"]
    assert same.json()["tags"] == ["vip"]
    assert ana.get_contact(phone=PHONE).json() == whole
    assert mallory.get_contact(email=EMAIL).json()["id"] == same.json()["id"]
    assert ana.get_contact(email=EMAIL).json()["id"] == romain["id"]
    assert ana.get_contact(contact_id=same.json()["id"]).status_code == 404


@pytest.mark.row("T1.1")
def test_me_shows_mallory_to_herself(ana: Person, mallory: Person) -> None:
    assert ana.workspace is not None
    seen = mallory.get("/api/v1/me").text
    assert ana.workspace.id not in seen
    assert ana.user.email not in seen


@pytest.mark.row("T1.1")
async def test_many_misses_by_id_are_a_probe(bed: Bed, ana: Person, mallory: Person) -> None:
    for _ in range(31):
        assert mallory.get_contact(contact_id=str(uuid4())).status_code == 404
    line = bed.serving.logged("tenant.probe", token_id=mallory.token_id)
    assert line["tenant_id"] == mallory.user.tenant_id
    for _ in range(30):
        ana.get_contact(contact_id=str(uuid4()))
    assert not probes(bed, ana), "30 are not yet one"


@pytest.mark.row("T1.1")
async def test_unknown_phones_and_emails_are_everyday(bed: Bed, ana: Person) -> None:
    """A shop asks for every customer that it meets: only guessed ids are suspicious."""
    for n in range(40):
        ana.get_contact(phone=f"+1415556{n:04}")
        ana.get_contact(email=f"nobody{n}@example.com")
    assert not probes(bed, ana)


def probes(bed: Bed, caller: Person) -> list[dict[str, Any]]:
    found = (line for line in bed.serving.log() if line["event"] == "tenant.probe")
    return [line for line in found if line["token_id"] == caller.token_id]
