"""Invents calls about names, consent, blocks and merges, and says what of an answer is compared."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.long.model import Model, Step
from tests.long.people import E164, OTHER_SPELLING, Contact, etag

OFTEN_OF_PEOPLE = {
    "add-identity": 8, "remove-identity": 4, "set-consent": 10, "block-contact": 2,
    "unblock-contact": 2, "merge-contacts": 7, "unmerge-contacts": 6,
}  # fmt: skip
PAST = datetime(2026, 5, 7, 7, 0, tzinfo=UTC)
IDENTITIES: dict[str, list[Any]] = {
    "phone": [*E164],
    "wa_id": [*(number[1:] for number in OTHER_SPELLING), "14155550123", "15550001111"],
    "bsuid": ["US.1", "BR.ENT.a2"],
    "username": ["romain", "b_b.1"],
    "external": ["shop:1", "shop:2"],
}
WAYS = [
    {"source": "api", "method": "checkbox"},
    {"source": "import", "method": "platform"},
    {"source": "operator", "method": "note", "note": "They asked for it."},
    {"source": "operator", "method": "note"},
]


class PeopleSteps:
    random: random.Random
    model: Model

    def add_identity(self) -> Step:
        return self._naming("add-identity", self._identity())

    def remove_identity(self) -> Step:
        kept = self._anybody()
        named = self._identity()
        if kept is not None and self.random.random() < 0.8:
            kind, value = self.random.choice([*kept["names"]] or [("username", "nobody")])
            named = {"kind": kind, "value": value}
        return self._naming("remove-identity", named, kept)

    def set_consent(self) -> Step:
        told: dict[str, Any] = {"channel": "whatsapp", "purpose": "marketing"}
        told["state"] = self.random.choice(["granted", "granted", "pending", "withdrawn"])
        told |= self.random.choice(WAYS)
        if self.random.random() < 0.4:
            at = PAST + timedelta(minutes=self.random.randrange(20))
            told["occurred_at"] = at.isoformat()
        return self._naming("set-consent", told)

    def block_contact(self) -> Step:
        return self._naming("block-contact", {"note": self.random.choice([None, "Rude."])})

    def unblock_contact(self) -> Step:
        return self._naming("unblock-contact", {})

    def merge_contacts(self) -> Step:
        alive = [*self.model.contacts] * 3
        ids = [*alive, *self.model.leads, "id-999"]
        body: dict[str, Any] = {
            "contact_id": self.random.choice(ids),
            "into": self.random.choice(ids),
            "dry_run": self.random.choice([None, None, True, False]),
        }
        into = self.model.pointed_at({"contact_id": body["into"]})
        return Step("merge-contacts", body, if_match=self._match(into))

    def unmerge_contacts(self) -> Step:
        """The last merge into somebody who is alive: what two brought is another table's."""
        last = {merge["into"]: merge for merge in self.model.merges if merge["gifts"] is not None}
        undone = [merge for into, merge in last.items() if into in self.model.contacts]
        if not undone and self.random.random() < 0.7:
            return self.merge_contacts()
        if not undone or self.random.random() < 0.1:
            return Step("unmerge-contacts", {"contact_id": self.random.choice(self._others())})
        done = self.random.choice(undone)
        into = self.model.contacts[done["into"]]
        return Step("unmerge-contacts", {"contact_id": done["from"]}, if_match=self._match(into))

    def _others(self) -> list[str]:
        """Ids that no merge can be undone of."""
        return ["id-999", *self.model.contacts]

    def _naming(self, action: str, given: dict[str, Any], kept: Contact | None = None) -> Step:
        kept = kept if kept is not None else self._anybody()
        key = "id-999" if kept is None else self._known_as(kept)
        return Step(action, {"contact_id": key, **given}, if_match=self._match(kept))

    def _anybody(self) -> Contact | None:
        return self.random.choice([*self.model.contacts.values()] or [None])

    def _known_as(self, kept: Contact) -> str:
        """By its own id or by one that was merged into it."""
        ids = [one for one, into in self.model.leads.items() if into == kept["id"]]
        return self.random.choice([kept["id"], *ids])

    def _identity(self) -> dict[str, Any]:
        kind = self.random.choice([*IDENTITIES])
        return {"kind": kind, "value": self.random.choice(IDENTITIES[kind])}

    def _match(self, kept: Contact | None) -> str | None:
        if kept is None or self.random.random() < 0.8:
            return None
        return self.random.choice([etag(kept), f'"{kept["id"]}-0"'])


def of_people(action: str, body: Any) -> Any:
    """Without ids of rows and of merges, which have no name in the model."""
    if action == "set-consent":
        state = {name: body["consent"][name] for name in ("state", "since")}
        return {**body, "consent": state, "record": body["record"] is not None}
    if action in ("merge-contacts", "unmerge-contacts"):
        return {**body, "merge_id": "merge" if body["merge_id"] else None}
    return body
