"""Refused requests change nothing: the digest of all rows stays as it was (goal G5, rule R2).

Short in `make test`; `make refusals` sets KITH_TEST_REFUSALS to 10,000.
"""

import os
import random
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from kith.api.routes import ROUTES
from tests.cast import Bed, Person

REFUSALS = int(os.environ.get("KITH_TEST_REFUSALS", "200"))
BETWEEN_DIGESTS = 50

PHONE, OTHER, NOBODY = "+14155550123", "+33612345678", "+14155550999"
KEY = "order-1001"
NO_ID = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"
"""In place of the contacts of an operation that names them by id only."""

# A body that each operation would take; one field of it is then broken.
GOOD: dict[str, dict[str, Any]] = {
    "get-contact": {"phone": PHONE, "expand": ["tags"]},
    "get-contacts": {"contacts": [{"phone": PHONE}]},
    "get-reachability": {"phone": PHONE},
    "check-audience": {"contacts": [{"phone": PHONE}], "purpose": "utility"},
    "create-contact": {"phone": NOBODY, "name": "New", "tags": "new-1", "metadata": {"new": 1}},
    "find-or-create-contact": {"phone": NOBODY, "name": "New", "on_conflict": "update"},
    "update-contact": {"phone": PHONE, "name": "New", "tags": "new-2", "metadata": {"new": 1}},
    "delete-contact": {"phone": PHONE},
    "find-duplicates": {"limit": 10},
    "merge-contacts": {"contact_id": NO_ID, "into": NO_ID, "dry_run": False},
    "unmerge-contacts": {"contact_id": NO_ID},
    "search-contacts": {"query": "romain"},
    "list-contacts": {"query": "romain"},
    "export-contact": {"phone": PHONE},
    "add-tag": {"phone": PHONE, "tag": "new-3"},
    "block-contact": {"phone": PHONE, "note": "New"},
    "unblock-contact": {"phone": PHONE, "note": "New"},
    "remove-tag": {"phone": PHONE, "tag": "vip"},
    "add-identity": {"phone": PHONE, "kind": "external", "value": "shop:1"},
    "remove-identity": {"phone": PHONE, "kind": "external", "value": "shop:3"},
    "list-tags": {"name": "vip"},
    "list-audit": {"limit": 10},
    "set-consent": {
        "phone": PHONE,
        "channel": "sms",
        "purpose": "utility",
        "state": "granted",
        "source": "api",
        "method": "checkbox",
    },
    "get-consent": {"phone": PHONE},
    "list-consent": {"phone": PHONE},
    "export-consent-proof": {"phone": PHONE, "format": "html"},
    "list-templates": {"status": "APPROVED"},
    "get-template": {"template_id": NO_ID},
    "list-messages": {"phone": PHONE},
    "send-text-message": {"phone": PHONE, "message": "Hi"},
    "send-template-message": {"phone": PHONE, "template_id": NO_ID},
}
BAD: dict[str, list[Any]] = {
    "contact_id": ["x", 5, ["a"], {"id": "a"}, True, "0" * 25, "Z" * 26, "0198f2a4", "\ufdd0"],
    "phone": ["abc", [PHONE], {}, True, -1, 1.5, "+", "+1415555012³", "1" * 65, 2**53],
    "wa_id": ["abc", 0, -5, "0123456", "123456", "+", "1" * 16, True, 1.5, [PHONE], {}],
    "bsuid": ["us.1", "US.", "U.1", "US.é", "US.1 2", "US." + "a" * 129, 5, ["US.1"], {}],
    "username": ["ab", "a" * 36, "123", ".abc", "a..b", "é_abc", "a\x00b", 5, ["abc"], {}],
    "external_id": ["x", "x:", ":1", "X:1", "x:" + "1" * 256, "x:\x00", 5, ["x:1"], {}],
    "kind": ["email", "PHONE", 5, ["phone"], {}, True],
    "value": [["x:1"], {}, True, 1.5, "x" * 513, "1", "a\x00b", ":", "SHOP:1", 5],
    "email": ["nobody", "a@b@c.d", 5, ["a@example.com"], {}, "a" * 254 + "@b.co", "\x00@b.co"],
    "name": ["a\x00b", "a\nb", "x" * 257, "\ufffe", 5, ["a"], {"a": "b"}],
    "tags": [5, "x" * 256, ["a", 5], {"a": 1}, "a\x07b", [["a"]], [f"t{n}" for n in range(1_001)]],
    "tag": ["a,b", "x" * 256, "a\x00", 5, ["vip"], {}],
    "metadata": ["x", [1], 5, {"a": 2**53}, {"a": "x" * 65_536}, {"a\x00": 1}, {"a": ["\ufdd0"]}],
    "on_conflict": ["ignore", "RETURN", 5, ["error"], {}, True],
    "expand": ["everything", ["tags", 5], ["message"], 5, {"tags": True}, True],
    "contacts": ["x", 5, {"phone": PHONE}, [{"phone": PHONE}] * 10_001],
    "purpose": ["x", "Utility", 5, ["utility"], {}, True],
    "reason": ["x", "Blocked", "opted_out", 5, ["blocked"], {}, True],
    "query": ["a\x00b", "x" * 257, 5, ["romain"], {}],
    "source": ["Shopify", "unknown", 5, ["api"], {}],
    "opted_in": ["true", 1, 0, [True], {}],
    "created_after": ["2026-05-07", "2026-05-07T08:14:23", "2026-02-30T00:00:00Z", "now", 5, -1,
                      "10000-01-01T00:00:00Z", "2026-05-07T24:00:00Z", ["2026-05-07T08:14:23Z"]],
    "cursor": ["x", "!" * 20, "MTIz", "A" * 101, 5, ["x"], {}, "é"],
    "as_of": ["2026-05-07", "now", 5, -1, {}, "10000-01-01T00:00:00Z"],
    "occurred_at": ["2026-05-07", "now", 5, -1, {}, "2999-01-01T00:00:00Z"],
    "consent": ["granted", 5, [5], True, {"state": "granted"}, {"method": "guess"},
                {"method": "note", "source": "operator"}, {"method": "note", "note": "\x00"},
                {"method": "note", "occurred_at": "2999-01-01T00:00:00Z"}],
    "channel": ["fax", "SMS", 5, ["sms"], {}, True],
    "state": ["unknown", "Granted", 5, ["granted"], {}, True],
    "method": ["guess", "api_default", 5, ["note"], {}, True],
    "format": ["pdf", "HTML", 5, ["json"], {}, True],
    "wording": ["x" * 10_001, 5, ["x"], {}, "\x00"],
    "wording_version": ["x" * 101, 5, ["x"], {}, "a\nb"],
    "locale": ["x", "<fr>", 5, ["fr"], {}, "é"],
    "evidence": ["x", [1], 5, {"a": 2**53}, {"a": "x" * 16_384}, {"a\x00": 1}, True],
    "note": ["x" * 2_001, 5, ["x"], {}, "\x00"],
    "status": ["x", "APPROVE", 5, ["APPROVED"], {}, True],
    "message": ["x" * 4_097, 5, ["x"], {}, "\x00", True],
    "number_id": ["x" * 65, 5, ["x"], {}, "a\nb", True],
    "language": ["x" * 65, 5, ["en"], {}, "a\nb", True],
    "variables": ["x", 5, {"1": ["x"]}, {"1": True}, ["a\x00"], [[]], True],
    "limit": [0, -1, 501, 2**53 - 1, 1.5, "10", "ten", True, [10], {}],
}  # fmt: skip
BAD["updated_after"] = BAD["created_after"]
BAD["opted_in_at"] = BAD["occurred_at"]
BAD["into"] = BAD["merge_id"] = BAD["template_id"] = BAD["contact_id"]
BAD["dry_run"] = BAD["opted_in"]
BAD_BODIES = [b"{", b"[]", b'"x"', b"\xff", b'{"phone": NaN}', b'{"phone": 1e400}', b"[" * 40]
BAD_KEYS = [b"", b"x" * 256, b"a b", b"\xc3\xa9"]
BAD_CREDENTIALS = [b"", b"Bearer x", b"Basic x", "Bearer é".encode(), b"Bearer kith_" + b"0" * 72]

POSTED = {route.name: route for route in ROUTES if route.method == "POST"}
MERGES = ["merge-contacts", "unmerge-contacts"]
"""They take ids only."""
WRITES = [r.name for r in POSTED.values() if r.does == "write" and r.name not in MERGES]
OTHERS = [*MERGES, "get-template", "send-text-message", "send-template-message"]
FIND = [r.name for r in POSTED.values() if r.missing is not None and r.name not in OTHERS]
BY_EMAIL = {"get-contact", "get-reachability"}
"""Operations that take one key of several."""
AGREE = [name for name in FIND if name not in BY_EMAIL]
"""Operations that take an id and a phone, when both mean the same contact."""


class Call(NamedTuple):
    action: str
    body: object
    statuses: set[int]
    headers: dict[str, Any] = {}
    who: str = "ana"


class Refused:
    """Invents requests that must be refused; `ids` and `etags` of the contacts, by phone."""

    def __init__(self, random_: random.Random, ids: dict[str, str], etags: dict[str, str]) -> None:
        self.random = random_
        self.ids = ids
        self.etags = etags
        kinds = (
            self.bad_field, self.bad_field, self.bad_body, self.no_identifier, self.unknown,
            self.foreign, self.two_contacts, self.may_only_read, self.stranger, self.conflict,
            self.stale, self.key_reused, self.bad_key, self.wrong_address, self.too_much,
            self.merge,
        )  # fmt: skip
        self.kinds: tuple[Callable[[], Call], ...] = kinds

    def next(self) -> Call:
        """What is refused is refused with a fresh Idempotency-Key too, and the key is not kept."""
        call = self.random.choice(self.kinds)()
        if "Idempotency-Key" not in call.headers and self.random.random() < 0.3:
            return call._replace(headers={**call.headers, "Idempotency-Key": self._unknown_id()})
        return call

    def bad_field(self) -> Call:
        route = self._one_of([*POSTED.values()])
        field = self._one_of(route.takes.fields).name
        return Call(route.name, GOOD[route.name] | {field: self._one_of(BAD[field])}, {422})

    def bad_body(self) -> Call:
        return Call(self._one_of([*POSTED]), self._one_of(BAD_BODIES), {400, 422})

    def no_identifier(self) -> Call:
        """Or no required field."""
        action = self._one_of(sorted({*FIND, *WRITES, "get-contacts", "check-audience"}))
        wanted = {"phone", "contact_id", "contacts"}
        left = {name: value for name, value in GOOD[action].items() if name not in wanted}
        return Call(action, left | self._one_of([{}, {"phone": ""}, {"contact_id": None}]), {422})

    def unknown(self) -> Call:
        action = self._one_of(FIND)
        keys = [{"phone": NOBODY}, {"contact_id": self._unknown_id()}, {"contact_id": "0" * 26}]
        if action in BY_EMAIL:
            keys.append({"email": "nobody@example.com"})
        if action == "get-contact":
            keys += [{"wa_id": NOBODY[1:]}, {"bsuid": "US.1"}]
            keys += [{"username": "nobody"}, {"external_id": "shop:2"}]
        return Call(action, self._pointing(action, self._one_of(keys)), {404})

    def foreign(self) -> Call:
        """Mallory, with an id of Ana's."""
        action = self._one_of(FIND)
        key = {"contact_id": self._one_of([*self.ids.values()])}
        return Call(action, self._pointing(action, key), {404}, who="mallory")

    def merge(self) -> Call:
        """With somebody unknown or foreign, with itself, of another version, undone too early."""
        ids, unknown = self.ids, self._unknown_id()
        mine, who = ids[PHONE], self._one_of(["ana", "mallory"])
        action, body, status = self._one_of(
            [
                ("merge-contacts", {"contact_id": mine, "into": unknown}, 404),
                ("merge-contacts", {"contact_id": unknown, "into": mine}, 404),
                ("merge-contacts", {"contact_id": mine, "into": mine.upper()}, 422),
                ("merge-contacts", {"contact_id": ids[OTHER], "into": mine}, 412),
                ("unmerge-contacts", {"contact_id": mine}, 422),
                ("unmerge-contacts", {"contact_id": unknown}, 404),
                ("unmerge-contacts", {"merge_id": unknown}, 404),
            ]
        )
        headers = {"If-Match": self.etags[OTHER]} if status == 412 else {}
        return Call(action, body, {404 if who == "mallory" else status}, headers, who=who)

    def two_contacts(self) -> Call:
        action = self._one_of(FIND)
        both = {"contact_id": self.ids[OTHER], "phone": PHONE}
        return Call(action, self._pointing(action, both), {422})

    def may_only_read(self) -> Call:
        action = self._one_of([*WRITES, "list-audit"])
        return Call(action, GOOD[action], {403}, who="ben")

    def stranger(self) -> Call:
        action = self._one_of([*POSTED])
        headers = {"Authorization": self._one_of(BAD_CREDENTIALS)}
        return Call(action, GOOD[action], {401}, headers, who="nobody")

    def conflict(self) -> Call:
        """The name is the one that was kept with an answer; the phone is another contact's."""
        taken = {"kind": "phone", "value": OTHER}
        body = {"phone": PHONE, "name": "New", "tags": "new-4", "on_conflict": "error"}
        one: Call = self._one_of(
            [
                Call("find-or-create-contact", body, {409}),
                Call("add-identity", GOOD["add-identity"], {409}),
                Call("add-identity", {"phone": PHONE, **taken}, {409}),
            ]
        )
        return one

    def stale(self) -> Call:
        """Also of a contact that is not there, where it would be made."""
        action = self._one_of(WRITES)
        mine, others = self.etags[PHONE], self.etags[OTHER]
        match = self._one_of(
            [mine[:-2] + '9"', others, f"W/{mine}", '"x"', f"{others}, {others}", "", ","]
        )
        phone = PHONE if action in AGREE else self._one_of([PHONE, NOBODY])
        return Call(action, GOOD[action] | {"phone": phone}, {412}, {"If-Match": match})

    def key_reused(self) -> Call:
        """The key was kept with another body of each operation."""
        action = self._one_of(WRITES)
        return Call(action, GOOD[action] | {"x": 1}, {422}, {"Idempotency-Key": KEY})

    def bad_key(self) -> Call:
        action = self._one_of(WRITES)
        headers = {"Idempotency-Key": self._one_of(BAD_KEYS)}
        return Call(action, GOOD[action], {422}, headers)

    def wrong_address(self) -> Call:
        action = self._one_of(["create-contacts", "contacts", "x" * 300, f"create-contact/{PHONE}"])
        return Call(action, GOOD["create-contact"], {404})

    def too_much(self) -> Call:
        action = self._one_of(WRITES)
        body, gzip = GOOD[action], {"Content-Encoding": "gzip"}
        one: Call = self._one_of(
            [
                Call(action, body | {"x": "x" * 2**20}, {413}),
                Call(action, body, {415}, gzip),
                Call(action, body, {431}, {"X-Padding": "x" * 17_000}),
                Call(f"{action}?{'x' * 9_000}", body, {414}),
            ]
        )
        return one

    def _pointing(self, action: str, key: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in GOOD[action].items() if name != "phone"}
        return body | key

    def _unknown_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128)))

    def _one_of(self, options: Any) -> Any:
        return self.random.choice(options)


def test_every_field_is_broken_somehow() -> None:
    assert {route.name for route in POSTED.values()} == set(GOOD)
    fields = {field.name for route in POSTED.values() for field in route.takes.fields}
    assert fields == set(BAD)


@pytest.mark.row("G5", "T1.1", "R2", "L10")
async def test_refusals_change_nothing(bed: Bed, ana: Person, ben: Person, mallory: Person) -> None:
    ana = await bed.person(ana.user, ana.workspace, scope="admin")
    made = {
        phone: ana.create_contact(phone=phone, name=name, tags="vip")
        for phone, name in ((PHONE, "Romain"), (OTHER, "Zoë"))
    }
    await _keep_an_answer_of_each(bed, ana)
    ids = {phone: answer.json()["id"] for phone, answer in made.items()}
    etags = {phone: ana.get_contact(phone=phone).headers["etag"] for phone in made}
    people = {"ana": ana, "ben": ben, "mallory": mallory, "nobody": bed.nobody}
    seed = random.randrange(2**32)
    print("seed", seed)
    refused = Refused(random.Random(seed), ids, etags)
    before = await bed.digest()
    for number in range(1, REFUSALS + 1):
        call = refused.next()
        answer = people[call.who].post(call.action, call.body, headers=call.headers)
        assert answer.status_code in call.statuses, (call, answer.text)
        if number % BETWEEN_DIGESTS == 0:
            assert await bed.digest() == before, number
    assert await bed.digest() == before


async def _keep_an_answer_of_each(bed: Bed, ana: Person) -> None:
    """Use KEY with every operation that writes, for contacts who play no other part."""
    for action in WRITES:
        phone = "+12025550143" if action == "delete-contact" else "+447911123456"
        ana.create_contact(phone=phone)
        body = GOOD[action] | {"phone": phone}
        assert ana.post(action, body, headers={"Idempotency-Key": KEY}).status_code in (200, 201)
    kept = await bed.rows(
        "SELECT action FROM idempotency_keys WHERE tenant_id = :tenant_id",
        tenant_id=ana.user.tenant_id,
    )
    assert sorted(action for (action,) in kept) == sorted(WRITES)
