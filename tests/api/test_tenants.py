"""Mallory: another workspace's people read exactly like nobody (row T1.1, invariant 1).

The matrix is made from the route table: every field of every operation is pointed at what Ana
holds, and at what nobody holds, and both answers are the same bytes.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from ulid import ULID

from kith.actions import contacts, facts, identities, merges
from kith.actions.merges import MergeContacts
from kith.actions.run import Runner, new_id
from kith.api.fields import Field
from kith.api.routes import ROUTES, Route
from kith.domain import phone
from kith.domain.contacts import NameContact, SaveContact
from kith.domain.whatsapp_facts import MessageReceived, Number, Who
from tests.cast import Bed, Person, id_of

PHONE = "+14155550123"
UNKNOWN_PHONE = "+14155550199"
VARIES = {"x-request-id", "x-ratelimit-remaining", "date"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
LATER = datetime(2090, 1, 1, tzinfo=UTC)
"""When Romain came: none of Mallory's came later."""
SAID_ONCE = re.compile(r"\bs\d+:|\bmine:\d+")
MARKS = ("name", "email", "tag", "key", "value", "bsuid", "username", "external")
NOT_FOUND = b'{"error":"Contact not found"}'
NAMED = {
    ("merge-contacts", "contact_id"): NOT_FOUND,
    ("merge-contacts", "into"): NOT_FOUND,
    ("unmerge-contacts", "merge_id"): b'{"error":"Merge not found"}',
}
"""Fields that point at somebody beside those of a rule, or that say so when there is nobody."""
NOBODYS_WORD = {"me"}
"""Operations that take nothing: what they say follows from the token."""

APART = {
    "new-message-received",
    "list-templates",
    "get-template",
    "templates",
    "template-variables",
    "send-text-message",
    "send-template-message",
}
"""Operations on what is no contact: Mallory meets them in files of their own."""
ACTIONS = {route.name: route for route in ROUTES if route.takes.fields and route.name not in APART}


@dataclass(frozen=True, kw_only=True)
class Held:
    """All by which a contact could be asked for: Romain's, whom Ana has, or nobody's."""

    contact_id: str
    phone: str
    name: str
    email: str
    tag: str
    key: str
    value: str
    letter: str
    source: str
    since: str
    wa_id: str
    bsuid: str
    username: str
    external_id: str
    cursors: dict[str, str]
    merged_id: str
    merge_id: str
    """Of somebody who was merged into Romain."""

    @property
    def marks(self) -> list[str]:
        """What must never be seen by others, each unlike anything else."""
        words = (self.name[2:], self.email.partition("@")[0], self.tag[4:], self.key, self.value)
        words += (self.bsuid[3:], self.username[2:], self.external_id[5:])
        return [self.contact_id, self.phone, *words]


def _ulid(uuid: str) -> str:
    return str(ULID.from_uuid(UUID(uuid)))


# What each field says of who is meant, in every spelling worth a call of its own; what an operation
# only stores stands here as well, for what it may give away.
POINTERS: dict[str, Callable[[Held, str], list[Any]]] = {
    "contact_id": lambda of, action: (
        [of.merged_id, of.merged_id.upper()]
        if action == "unmerge-contacts"
        else [of.contact_id, of.contact_id.upper(), _ulid(of.contact_id), of.merged_id]
    ),
    "phone": lambda of, _: [of.phone, f"{of.phone[:2]} ({of.phone[2:5]}) {of.phone[5:]}"],
    "email": lambda of, _: [of.email, of.email.upper()],
    "name": lambda of, _: [of.tag, of.tag[:8].upper(), of.name],
    "tags": lambda of, _: [of.tag, [of.tag]],
    "tag": lambda of, _: [of.tag],
    "metadata": lambda of, _: [{of.key: of.value}],
    "evidence": lambda of, _: [{of.key: of.value}],
    "consent": lambda of, _: [
        {
            "method": "note",
            "wording": of.name,
            "wording_version": of.tag,
            "note": of.name,
            "evidence": {of.key: of.value},
        },
    ],
    "note": lambda of, _: [of.name],
    "wording": lambda of, _: [of.name],
    "wording_version": lambda of, _: [of.tag],
    "query": lambda of, _: [of.name, of.email, of.phone[-9:], of.letter],
    "source": lambda of, action: [of.source if action == "list-contacts" else "api"],
    "created_after": lambda of, _: [of.since],
    "updated_after": lambda of, _: [of.since],
    "cursor": lambda of, action: [of.cursors[action]],
    "into": lambda of, _: [of.contact_id, _ulid(of.contact_id), of.merged_id],
    "merge_id": lambda of, _: [of.merge_id, of.merge_id.upper(), _ulid(of.merge_id)],
    "wa_id": lambda of, _: [of.wa_id, int(of.wa_id)],
    "bsuid": lambda of, _: [of.bsuid],
    "username": lambda of, _: [of.username, f"@{of.username.upper()}"],
    "external_id": lambda of, _: [of.external_id],
    "value": lambda of, _: [lambda: f"s{next(_phones)}:{of.value}"],
    "contacts": lambda of, _: [
        [{"contact_id": of.contact_id}, {"phone": of.phone}, {"email": of.email}],
        [{"contact_id": _ulid(of.contact_id)}, {"email": of.email.upper()}],
        [{"wa_id": of.wa_id}, {"bsuid": of.bsuid}, {"phone": of.phone[1:]}],
        [{"username": of.username}, {"external_id": of.external_id}],
    ],
}
# Fields that say how and not whom; given together, beside each pointer.
HOW = {
    "as_of": "2090-01-01T00:00:00+00:00",
    "channel": "sms",
    "expand": [
        "tags",
        "identities",
        "history",
        "consent",
        "reachability",
        "merged_from",
        "messages",
        "match",
    ],
    "format": "json",
    "purpose": "utility",
    "reason": "blocked",
    "state": "withdrawn",
    "method": "note",
    "locale": "en",
    "occurred_at": "2026-01-01T00:00:00+00:00",
    "opted_in_at": "2026-01-01T00:00:00+00:00",
    "kind": "external",
    "limit": 100,
    "dry_run": True,
    "on_conflict": "update",
    "opted_in": True,
}
# What a required field is given when it does not point.
_phones = count(4_155_560_000)
NEEDED: dict[str, Callable[[], Any]] = {
    "phone": lambda: f"+1{next(_phones)}",
    "tag": lambda: "mine",
    "channel": lambda: "whatsapp",
    "purpose": lambda: "marketing",
    "state": lambda: "granted",
    "source": lambda: "api",
    "method": lambda: "checkbox",
    "kind": lambda: "external",
    "value": lambda: f"mine:{next(_phones)}",
}
POINTED = [
    pytest.param(route, field, id=f"{route.name}-{field.name}")
    for route in ACTIONS.values()
    for field in route.takes.fields
    if field.name not in HOW
]


@pytest.fixture
async def ana(bed: Bed) -> Person:
    """Owns the workspace; her token opens every operation."""
    return await bed.owner("Ana", scope="admin")


@pytest.fixture
async def mallory(bed: Bed) -> Person:
    """Owns another workspace; her token opens every operation."""
    return await bed.owner("Mallory", scope="admin")


@pytest.fixture
async def romain(bed: Bed, ana: Person, mallory: Person) -> Held:
    """Ana's contact, which Mallory wants; Mallory has contacts from before and after."""
    mallory.create_contact(phone="+14155550001", name="Early", tags="mine")
    mark = {name: uuid4().hex for name in MARKS}
    given = {"tags": f"tag-{mark['tag']}", "metadata": {mark["key"]: mark["value"]}}
    ana.create_contact(phone="+14155550002", name=f"First {mark['name']}", **given)
    email, name = f"{mark['email']}@example.com", f"ꙮ {mark['name']}"
    romains = chain([id_of(LATER)], iter(new_id, None))
    later = Runner(bed.runner.database, now=lambda: LATER, new_id=romains.__next__)
    saved = await later.write(
        contacts.save,
        SaveContact(
            phone=phone.parse(PHONE),
            name=name,
            email=email,
            tags=(f"tag-{mark['tag']}",),
            metadata={mark["key"]: mark["value"]},
        ),
        ana.caller,
    )
    for pair in ("56", "78"):
        for digit in pair:
            ana.create_contact(
                phone=f"+1415555000{digit}", email=f"{pair}{mark['email']}@example.com", **given
            )
    merged = ana.create_contact(phone="+14155550004", name=f"Same {mark['name']}").json()["id"]
    done = await Runner(bed.runner.database, now=lambda: LATER).write(
        merges.merge, MergeContacts(contact_id=merged, into=saved.id), ana.caller
    )
    agreed = {name: make() for name, make in NEEDED.items() if name not in ("phone", "tag")}
    for note in (name, f"Again {name}"):
        row = {"phone": PHONE, **agreed, "evidence": given["metadata"], "note": note}
        route = ACTIONS["set-consent"]
        await later.write(route.action, route.takes.convert(row), ana.caller)
    mallory.create_contact(phone="+14155550003", name="Late", email="late@example.com")
    await bed.change(
        "UPDATE contacts SET source = 'shopify', opted_in_at = 1000000"
        " WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    known_as = {"bsuid": f"US.{mark['bsuid']}", "username": f"r.{mark['username'][:20]}"}
    known_as |= {"external": f"shop:{mark['external']}", "wa_id": PHONE[1:]}
    for kind, value in known_as.items():
        await Runner(bed.runner.database, now=lambda: LATER).write(
            identities.add,
            NameContact(contact_id=saved.id, kind=kind, value=value),  # type: ignore[arg-type]
            ana.caller,
        )
    for wamid in ("wamid.1", "wamid.2"):
        wrote = MessageReceived(
            number=Number("1"),
            who=Who(wa_id=PHONE[1:]),
            wamid=wamid,
            at=LATER,
            type="text",
            content={"body": name},
        )
        await later.write(facts.apply, wrote, ana.caller)
    return Held(
        contact_id=saved.id,
        phone=PHONE,
        name=name,
        email=email,
        tag=f"tag-{mark['tag']}",
        key=mark["key"],
        value=mark["value"],
        letter="ꙮ",
        source="shopify",
        since="2089-12-31T23:59:59+00:00",
        wa_id=known_as["wa_id"],
        bsuid=known_as["bsuid"],
        username=known_as["username"],
        external_id=known_as["external"],
        cursors={
            name: ana.post(name, {"limit": 1, **_whose(route, saved.id)}).json()["next_cursor"]
            for name, route in ACTIONS.items()
            if "cursor" in {field.name for field in route.takes.fields}
        },
        merged_id=merged,
        merge_id=str(done.merge_id),
    )


def _whose(route: Route, contact_id: str) -> dict[str, str]:
    """Where a list is one contact's: whose it is."""
    return {"contact_id": contact_id} if route.takes.rule is not None else {}


@pytest.fixture
def nobody(romain: Held) -> Held:
    """As long as Romain's, letter by letter, and held by no one."""
    return replace(
        romain,
        contact_id=_beside(romain.contact_id),
        phone=UNKNOWN_PHONE,
        name=f"ꙭ {uuid4().hex}",
        email=f"{uuid4().hex}@example.com",
        tag=f"tag-{uuid4().hex}",
        key=uuid4().hex,
        value=uuid4().hex,
        letter="ꙭ",
        source="widget",
        since="2089-12-31T23:59:58+00:00",
        wa_id=UNKNOWN_PHONE[1:],
        bsuid=f"US.{uuid4().hex}",
        username=f"r.{uuid4().hex[:20]}",
        external_id=f"shop:{uuid4().hex}",
        cursors={name: _beside(cursor) for name, cursor in romain.cursors.items()},
        merged_id=_beside(romain.merged_id),
        merge_id=_beside(romain.merge_id),
    )


def _beside(uuid: str) -> str:
    """An id that no row has, at the same place in every order."""
    return uuid[:-1] + f"{int(uuid[-1], 16) ^ 1:x}"


def wire(answer: httpx.Response) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """All that a caller can see, without what differs from call to call."""
    headers = [(k, v) for k, v in answer.headers.raw if k.decode().lower() not in VARIES]
    return answer.status_code, answer.content, headers


def ways(route: Route) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """How the operation is asked: plainly, with all that changes its answer, by who knows it."""
    yield {}, {}
    yield {**how_of(route), "tenant_id": 1, "tenant": {"id": 1}, "workspace": "Ana's shop"}, {}
    if route.is_conditional:
        yield {}, {"If-None-Match": "*"}


def how_of(route: Route) -> dict[str, Any]:
    return {field.name: HOW[field.name] for field in route.takes.fields if field.name in HOW}


def rest(person: Person, route: Route, field: str | None = None) -> dict[str, Any]:
    """What the operation needs beside `field`: a contact of the person's own, new, and more."""
    needed = [one.name for one in route.takes.fields if one.is_required and one.name != field]
    given = {
        name: new_contact(person) if name in ("contact_id", "into") else NEEDED[name]()
        for name in needed
    }
    if route.name == "unmerge-contacts" and field is None:
        both = {"contact_id": new_contact(person), "into": new_contact(person)}
        assert person.post("merge-contacts", both).is_success
        return {"contact_id": both["contact_id"]}
    if route.takes.rule is not None and field not in route.takes.rule.names:
        given[route.takes.rule.names[0]] = new_contact(person)
    return given


def new_contact(person: Person) -> str:
    saved = person.create_contact(phone=NEEDED["phone"](), tags="mine")
    return str(saved.json()["id"])


def points(route: Route, field: str) -> bool:
    """Whether the field alone says which contact is meant, so that nothing is found."""
    rule = route.takes.rule
    if (route.name, field) in NAMED:
        return True
    return route.missing is not None and rule is not None and field in rule.names


def told(value: Any) -> Any:
    """What a call says; some values may be said once only."""
    return value() if callable(value) else value


def seen(held: Held, body: dict[str, Any], answer: httpx.Response) -> str:
    """The answer, with what the caller sent, and what is the caller's own, by other names."""
    status, content, headers = wire(answer)
    text = f"{status}\n{headers}\n{content.decode()}"
    own = answer.json()
    assert held.contact_id not in text
    if isinstance(own, dict):
        for one in (own, own.get("contact"), own.get("survivor")):
            if isinstance(one, dict) and "id" in one:
                text = text.replace(one["id"], "<id>")
                text = text.replace(one.get("phone", "<phone>"), "<phone>")
                text = SAID_ONCE.sub("<once>:", TIME.sub("<time>", text))
        if record := own.get("record"):
            text = text.replace(record["id"], "<record>").replace(record["address"], "<phone>")
        for name in ("merge_id", "merged_id"):
            text = text.replace(own.get(name) or f"<{name}>", f"<{name}>")
        for one in own.get("gained", {}).get("identities", []):
            text = text.replace(one["value"], "<phone>")
    sent = json.dumps(body, ensure_ascii=False)
    for name, mark in (
        ("name", held.name),
        ("email", held.email.upper()),
        ("email", held.email),
        ("tag", held.tag),
        ("part of a tag", held.tag[:8].upper()),
        ("key", held.key),
        ("value", held.value),
    ):
        if mark in sent:
            text = text.replace(mark, f"<{name}>")
    return text


def ana_sees(ana: Person, romain: Held) -> list[bytes]:
    """All that Ana's workspace holds, as she reads it."""
    return [
        ana.post(action, given).content
        for action, given in (
            ("get-contact", {"contact_id": romain.contact_id, "expand": HOW["expand"]}),
            ("list-contacts", {}),
            ("list-tags", {}),
            ("list-audit", {}),
        )
    ]


def test_every_operation_is_in_the_matrix() -> None:
    """A new operation, or a new field of one, has to say here whom it may point at."""
    assert {r.name for r in ROUTES if not r.takes.fields and r.name not in APART} == NOBODYS_WORD
    fields = [(route, field) for route in ACTIONS.values() for field in route.takes.fields]
    assert [(r.name, f.name) for r, f in fields if f.name not in {*POINTERS, *HOW}] == []
    assert {route.method for route in ACTIONS.values()} == {"POST"}
    keys = {route.takes.rule.names[0] for route, _ in fields if route.takes.rule is not None}
    assert keys == {"contact_id"}, "by which `rest` names a contact of the caller's own"


@pytest.mark.row("T1.1")
@pytest.mark.parametrize(("route", "field"), POINTED)
async def test_foreign_reads_like_unknown(
    bed: Bed, ana: Person, mallory: Person, romain: Held, nobody: Held, route: Route, field: Field
) -> None:
    theirs, unknown = (POINTERS[field.name](held, route.name) for held in (romain, nobody))
    calls = [
        [
            ({**rest(mallory, route, field.name), field.name: told(value), **how}, headers)
            for value in (of_nobody, of_romain)
        ]
        for of_romain, of_nobody in zip(theirs, unknown, strict=True)
        for how, headers in ways(route)
    ]
    marks = [*romain.marks, ana.workspace.id, ana.user.email]
    whole, before = ana_sees(ana, romain), await bed.digest()
    for pair in calls:
        unknown_answer, answer = (
            mallory.post(route.name, body, headers=headers) for body, headers in pair
        )
        if points(route, field.name):
            body = NAMED.get((route.name, field.name), NOT_FOUND)
            assert (answer.status_code, answer.content) == (404, body)
            assert wire(answer) == wire(unknown_answer)
        else:
            assert answer.is_success, answer.text
        text = seen(romain, pair[1][0], answer)
        assert text == seen(nobody, pair[0][0], unknown_answer)
        assert [mark for mark in marks if mark in text] == []
    if points(route, field.name) or route.does != "write":
        assert await bed.digest() == before
    assert ana_sees(ana, romain) == whole
    whose = _whose(route, romain.contact_id) if field.name == "cursor" else {}
    whole_call = {
        **rest(ana, route, field.name),
        **how_of(route),
        field.name: told(theirs[0]),
        **whose,
    }
    of_ana = ana.post(route.name, whole_call)
    assert of_ana.is_success, "what is foreign to Mallory is Ana's, or this would prove nothing"
    if route.does != "write":
        assert [mark for mark in marks if mark in of_ana.text]


@pytest.mark.row("T1.1")
@pytest.mark.parametrize(
    "route", [r for r in ACTIONS.values() if points(r, "phone")], ids=lambda route: route.name
)
async def test_half_foreign_reads_like_half_unknown(
    bed: Bed, mallory: Person, romain: Held, nobody: Held, route: Route
) -> None:
    """Her own contact's id beside a phone of Ana's, and the other way round."""
    own = mallory.get_contact(phone="+14155550001").json()
    needed = {one.name: NEEDED[one.name]() for one in route.takes.fields if one.is_required}
    before = await bed.digest()
    for foreign in ("phone", "contact_id"):
        mine = {"contact_id": own["id"]} if foreign == "phone" else {"phone": own["phone"]}
        of_nobody, of_romain = (
            wire(mallory.post(route.name, {**needed, **mine, foreign: getattr(held, foreign)}))
            for held in (nobody, romain)
        )
        assert of_romain == of_nobody
        assert of_romain[0] in (404, 422)
    assert await bed.digest() == before


@pytest.mark.row("T1.1")
@pytest.mark.parametrize(
    "route",
    [route for route in ACTIONS.values() if route.does == "write" or route.is_conditional],
    ids=lambda route: route.name,
)
async def test_foreign_versions_and_keys_read_like_unknown(
    bed: Bed, ana: Person, mallory: Person, romain: Held, nobody: Held, route: Route
) -> None:
    """What headers may name: a version of Ana's contact, and a call that Ana made."""
    etag = ana.get_contact(phone=PHONE).headers["etag"]
    made = ana.post(route.name, rest(ana, route), headers={"Idempotency-Key": romain.key})
    assert made.is_success, made.text
    whole = ana_sees(ana, romain)
    for header, theirs, unknown in (
        ("If-None-Match", etag, etag.replace(romain.contact_id, nobody.contact_id)),
        ("If-Match", etag, etag.replace(romain.contact_id, nobody.contact_id)),
        ("Idempotency-Key", romain.key, nobody.key),
    ):
        bodies = [rest(mallory, route) for _ in "12"]
        before = await bed.digest()
        unknown_answer, answer = (
            mallory.post(route.name, body, headers={header: value})
            for body, value in zip(bodies, (unknown, theirs), strict=True)
        )
        assert seen(romain, bodies[1], answer) == seen(nobody, bodies[0], unknown_answer)
        if header == "If-Match" and route.does == "write":
            assert answer.status_code == 412
            assert await bed.digest() == before
        else:
            assert answer.is_success, answer.text
    assert ana_sees(ana, romain) == whole


@pytest.mark.row("T1.1", "R4")
async def test_tenant_comes_from_the_token_only(ana: Person, mallory: Person, romain: Held) -> None:
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
@pytest.mark.parametrize("action", ["create-contact", "find-or-create-contact"])
def test_creating_the_same_person_touches_nobody_else(
    ana: Person, mallory: Person, romain: Held, action: str
) -> None:
    whole = ana_sees(ana, romain)
    given = {"email": romain.email, "tags": romain.tag, "contact_id": romain.contact_id}
    same = mallory.post(action, {"phone": PHONE, "name": "M", **given})
    assert same.status_code == 201
    assert same.json()["id"] != romain.contact_id
    assert same.json()["tags"] == [romain.tag]
    assert ana_sees(ana, romain) == whole
    assert mallory.get_contact(email=romain.email).json()["id"] == same.json()["id"]
    assert ana.get_contact(email=romain.email).json()["id"] == romain.contact_id
    assert ana.get_contact(contact_id=same.json()["id"]).status_code == 404
    assert mallory.post("delete-contact", {"phone": PHONE}).status_code == 200
    assert ana_sees(ana, romain) == whole


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
def test_many_misses_by_id_in_one_call_are_a_probe(bed: Bed, ana: Person, mallory: Person) -> None:
    """get-contacts asks for 500 at once: each that is not there is a miss as any other."""
    answer = mallory.post(
        "get-contacts", {"contacts": [{"contact_id": str(uuid4())} for _ in range(31)]}
    )
    assert answer.status_code == 200
    line = bed.serving.logged("tenant.probe", token_id=mallory.token_id)
    assert line["tenant_id"] == mallory.user.tenant_id
    ana.post("get-contacts", {"contacts": [{"contact_id": str(uuid4())} for _ in range(30)]})
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
