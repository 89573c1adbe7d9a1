"""What the contract says of contacts, in plain dicts: no SQL, none of the product's own code.

Contacts are called `id-1`, `id-2`, ... in the order in which they are made.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from unicodedata import normalize

from tests.api.refusals import NO_SUCH_ID, NO_SUCH_PHONE
from tests.long.people import (
    E164,
    INFERRED,
    INVALID,
    MISSING,
    Answer,
    Contact,
    Given,
    People,
    Refusal,
    etag,
    identities,
    shown,
    shown_times,
    spellings,
    wire,
)

EMAIL_KEYS = {
    "ana@example.com": "ana@example.com",
    " ANA@Example.com": "ana@example.com",
    "b_b@example.com": "b_b@example.com",
    "straße@example.com": "straße@example.com",
    "STRASSE@example.com": "strasse@example.com",
    "JOSÉ@example.com": "josé@example.com",
    "josé@example.com": "josé@example.com",
}
"""Addresses as they are typed, and what is compared."""

CONTACT = (
    "id", "phone", "name", "email", "source", "locale", "metadata", "tags", "opted_in_at",
    "opted_out_at", "last_message_at", "total_messages", "created_at",
)  # fmt: skip
SAVED = ("id", "phone", "name", "email", "tags", "created_at")
UPDATED = ("id", "phone", "name", "email", "tags", "updated_at")
SEARCHED = ("id", "phone", "name", "email", "source", "tags", "last_message_at", "created_at")
WRITTEN = CONTACT[1:10]
"""What a history compares."""

LAST = "the last next_cursor"
EMAIL = "ana@example.com"
"""Of the user who calls."""
CHANGED = "The contact is not the version that If-Match names. Read it again, then decide."
TWO = "The contact id and the phone belong to two contacts; give one of them."


class Step(NamedTuple):
    """One call; `set` is no call, but SQL that does what no operation can do yet.

    An If-Match that is there and names nothing holds for no version.
    """

    action: str
    body: dict[str, Any]
    if_match: str | None = None
    if_none_match: str = ""


class Model(People):
    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.tags: dict[str, datetime] = {}
        """Every tag that ever was, oldest first, and since when."""
        self.last_seen = 0
        """Whose number ended the last page that had a next one."""

    def call(self, step: Step, now: datetime) -> Answer:
        self.now, self.step = now, step
        given = {name: value for name, value in step.body.items() if not _is_blank(value)}
        try:
            answer: Answer = getattr(self, step.action.replace("-", "_"))(given)
        except Refusal as refusal:
            return refusal.answer
        return answer

    # -- what is written

    def set(self, given: Given) -> Answer:
        kept = self.contacts[given["contact_id"]]
        kept.update((name, value) for name, value in self.step.body.items() if name in kept)
        return 200, None, None

    def create_contact(self, given: Given) -> Answer:
        kept = self._of_phone(given)
        kept = self._make(given) if kept is None else self._spell_and_add_to(kept, given)
        return 201, shown(kept, SAVED), etag(kept)

    def find_or_create_contact(self, given: Given) -> Answer:
        kept = self._of_phone(given)
        if kept is None:
            kept = self._make(given)
            return 201, {**shown(kept, SAVED), "created": True}, etag(kept)
        on_conflict = given.get("on_conflict", "return")
        if on_conflict == "error":
            problem = "A contact with this phone exists already."
            held = {"field": "phone", "value": E164[given["phone"]], "contact_ids": [kept["id"]]}
            raise Refusal(409, {"error": problem, **held})
        if on_conflict == "update":
            self._spell_and_add_to(kept, given)
        return 200, {**shown(kept, SAVED), "created": False}, etag(kept)

    def update_contact(self, given: Given) -> Answer:
        kept = self._find(given)
        raw = self.step.body
        new = {
            field: given.get(field) and given[field].strip()
            for field in ("name", "email")
            if raw.get(field) is not None
        }
        new["metadata"] = kept["metadata"] | given.get("metadata", {})
        if raw.get("tags") is not None:
            new["tags"] = _names(given)
        self._write(kept, "contact.updated", new)
        return 200, shown(kept, UPDATED), etag(kept)

    def add_tag(self, given: Given) -> Answer:
        kept, tag = self._find(given), given["tag"]
        if tag not in kept["tags"]:
            self._write(kept, "contact.tagged", {"tags": [tag, *kept["tags"]]})
        return 200, _tagged(kept, "tag_added", tag), etag(kept)

    def remove_tag(self, given: Given) -> Answer:
        kept, tag = self._find(given), given["tag"]
        left = [name for name in kept["tags"] if name != tag]
        self._write(kept, "contact.untagged", {"tags": left})
        return 200, _tagged(kept, "tag_removed", tag), etag(kept)

    def delete_contact(self, given: Given) -> Answer:
        kept = self._find(given)
        uuids = self.forget(kept)
        del self.contacts[kept["id"]]
        for entry in self.log:
            if entry["contact_id"] in uuids:
                entry["before"] = entry["after"] = None
        self._note(kept, "contact.erased", None, None)
        return 200, {"id": kept["id"], "deleted": True}, None

    def _make(self, given: Given) -> Contact:
        self.made += 1
        phone = E164[given["phone"]]
        kept: Contact = {
            "id": f"id-{self.made}", "phone": phone, "name": None, "email": None, "source": "api",
            "locale": None, "metadata": given.get("metadata", {}), "tags": _names(given),
            "opted_in_at": None, "opted_out_at": None, "blocked": None,
            "names": {("phone", phone): ("given", self.now)},
            "last_message_at": None, "total_messages": 0, "created_at": self.now,
            "updated_at": self.now, "number": self.made, "version": 1, "tagged": {},
        }  # fmt: skip
        kept.update((name, given[name].strip()) for name in ("name", "email") if name in given)
        self.contacts[kept["id"]] = kept
        self.came_with.pop(("phone", phone), None)
        self._tag(kept)
        self._write_rows(self.withdrawn_before(kept["id"], "phone", phone))
        kept.update(shown_times(self.of_ledger(kept["id"])))
        self._note(kept, "contact.created", None, shown(kept, WRITTEN))
        return kept

    def _spell_and_add_to(self, kept: Contact, given: Given) -> Contact:
        phone = E164[given["phone"]]
        if ("phone", phone) not in kept["names"]:
            self.name_too(kept, "phone", phone, "inferred" if phone in INFERRED else "given")
        return self._add_to(kept, given)

    def _add_to(self, kept: Contact, given: Given) -> Contact:
        new: Given = {f: given[f].strip() for f in ("name", "email") if f in given}
        new["metadata"] = kept["metadata"] | given.get("metadata", {})
        added = [name for name in _names(given) if name not in kept["tags"]]
        return self._write(kept, "contact.updated", {**new, "tags": added + kept["tags"]})

    def _write(self, kept: Contact, what: str, new: dict[str, Any]) -> Contact:
        before, after = {}, {}
        for field, value in new.items():
            old = kept[field]
            if field == "metadata":
                keys = [
                    k for k in {**old, **value} if text(_only(old, [k])) != text(_only(value, [k]))
                ]
                old, value = _only(old, keys), _only(value, keys)
            if text(old) != text(value):
                before[field], after[field] = old, value
        if after:
            kept.update(new, updated_at=self.now, version=kept["version"] + 1)
            self._tag(kept)
            self._note(kept, what, before, after)
        return kept

    def _tag(self, kept: Contact) -> None:
        for name in kept["tags"]:
            self.tags.setdefault(name, self.now)
        kept["tagged"] = {name: kept["tagged"].get(name, self.now) for name in kept["tags"]}

    def _note(self, kept: Contact, what: str, before: object, after: object) -> None:
        self.log.append(
            {"when": self.now, "at": wire(self.now), "what": what, "contact_id": kept["id"],
             "user": EMAIL, "token_id": None, "connection_id": None, "before": before,
             "after": after}
        )  # fmt: skip

    def _of_phone(self, given: Given) -> Contact | None:
        kept = self.pointed_at({"phone": given["phone"]})
        if kept is None and self.step.if_match is not None:
            raise Refusal(412, {"message": CHANGED, "error": CHANGED})
        if kept is not None:
            self._check_version(kept)
        return kept

    def _find(self, given: Given) -> Contact:
        found = [
            self.pointed_at({name: given[name]})
            for name in ("contact_id", "phone")
            if name in given
        ]
        kept = found[0]
        if len(found) == 2 and None in found:
            raise Refusal(404, NO_SUCH_ID if kept is None else NO_SUCH_PHONE)
        if kept is None:
            raise Refusal(404, MISSING)
        if found[-1] is not kept:
            raise Refusal(
                422, {"message": INVALID, "errors": {"contact_id": [TWO], "phone": [TWO]}}
            )
        self._check_version(kept)
        return kept

    def _check_version(self, kept: Contact) -> None:
        if self.step.if_match is None:
            return
        named = {tag.split(";")[0] for tag in _listed(self.step.if_match)}
        if not named & {"*", _bare(etag(kept))}:
            raise Refusal(412, {"message": CHANGED, "error": CHANGED})

    # -- what is read

    def pointed_at(self, given: Given) -> Contact | None:
        """By the one key there is; of several with an address the newest message, the oldest."""
        if "contact_id" in given:
            uuid = given["contact_id"]
            return self.contacts.get(self.leads.get(uuid, uuid))
        if "phone" in given:
            for names in spellings("phone", E164[given["phone"]]):
                for one in self.contacts.values():
                    if any(name in one["names"] for name in names):
                        return one
            return None
        found = [one for one in self.contacts.values() if _has_email(one, given["email"])]
        return min(found, key=lambda one: (_quiet(one), one["created_at"]), default=None)

    def get_contact(self, given: Given) -> Answer:
        kept = self.pointed_at(given)
        if kept is None:
            raise Refusal(404, MISSING)
        parts = given.get("expand", [])
        tag = etag(kept)
        if parts:
            tag = f'{tag[:-1]};{"+".join(sorted(parts))}"'
        known = {one.removeprefix("W/") for one in _listed(self.step.if_none_match)}
        if known & {"*", _bare(tag)}:
            return 304, None, tag
        return 200, self._expanded(kept, parts), tag

    def _expanded(self, kept: Contact, parts: Iterable[str]) -> dict[str, Any]:
        whole = shown(kept, CONTACT)
        if "tags" in parts:
            tagged = kept["tagged"]
            whole["tags"] = [{"name": name, "added_at": wire(tagged[name])} for name in tagged]
        if "identities" in parts:
            whole["identities"] = identities(kept)
        if "history" in parts:
            whole["history"] = self._newest(kept["id"])
        if "merged_from" in parts:
            whole["merged_from"] = self.merged_from(kept)
        return whole

    def get_contacts(self, given: Given) -> Answer:
        found = [self.pointed_at(key) for key in given["contacts"]]
        return 200, [MISSING if one is None else shown(one, CONTACT) for one in found], None

    def search_contacts(self, given: Given) -> Answer:
        found = sorted(self._matching(given), key=lambda one: one["created_at"], reverse=True)
        return 200, [shown(one, SEARCHED) for one in sorted(found, key=_quiet)[:50]], None

    def list_contacts(self, given: Given) -> Answer:
        found = self._matching(given)
        if given.get("cursor") == LAST:
            found = [one for one in found if one["number"] > self.last_seen]
        limit = given.get("limit", 100)
        page, has_more = found[:limit], len(found) > limit
        if has_more:
            self.last_seen = page[-1]["number"]
        listed = [shown(one, CONTACT) for one in page]
        return 200, {"contacts": listed, "next_cursor": LAST if has_more else None}, None

    def list_tags(self, given: Given) -> Answer:
        part = fold(given.get("name", ""))
        return 200, [
            {
                "name": name,
                "contacts_count": sum(name in one["tags"] for one in self.contacts.values()),
                "created_at": wire(self.tags[name]),
            }
            for name in sorted(self.tags, key=fold)
            if part in fold(name)
        ], None  # fmt: skip

    def list_audit(self, given: Given) -> Answer:
        return 200, {"entries": self._newest(given.get("contact_id")), "next_cursor": None}, None

    def _newest(self, contact_id: str | None) -> list[dict[str, Any]]:
        return [
            {key: value for key, value in one.items() if key != "when"}
            for one in reversed(self.log)
            if contact_id in (None, one["contact_id"])
        ]

    def _matching(self, given: Given) -> list[Contact]:
        return [one for one in self._in_order() if _matches(one, given)]


def fold(given: str) -> str:
    folded = normalize("NFD", given.strip()).casefold().replace("i\u0307", "i")
    return normalize("NFC", folded)


def text(value: object) -> str:
    """By which values are compared: true is not 1, and keys have an order."""
    return json.dumps(value, ensure_ascii=False)


def _listed(header: str) -> list[str]:
    """The entity tags of a header, without quotes; a weak one keeps its mark."""
    return [_bare(tag.strip()) for tag in header.split(",") if tag.strip()]


def _bare(tag: str) -> str:
    return tag.replace('"', "")


def _matches(one: Contact, given: Given) -> bool:
    read: dict[str, Callable[[Any], bool]] = {
        "query": lambda part: any(
            fold(part) in fold(one[f] or "") for f in ("name", "phone", "email")
        ),
        "tag": lambda tag: tag in one["tags"],
        "email": lambda address: _has_email(one, address),
        "source": lambda source: one["source"] == source,
        "opted_in": lambda wanted: _is_opted_in(one) == wanted,
        "created_after": lambda time: one["created_at"] > datetime.fromisoformat(time),
        "updated_after": lambda time: one["updated_at"] > datetime.fromisoformat(time),
    }
    return all(read[name](value) for name, value in given.items() if name in read)


def _tagged(kept: Contact, key: str, tag: str) -> dict[str, Any]:
    return {"id": kept["id"], "phone": kept["phone"], key: tag, "tags": kept["tags"]}


def _names(given: Given) -> list[str]:
    tags = given.get("tags", [])
    parts = tags.split(",") if isinstance(tags, str) else tags
    return list(dict.fromkeys(name.strip() for name in parts if name.strip()))


def _only(value: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value[key] for key in keys if key in value}


def _has_email(kept: Contact, address: str) -> bool:
    keys = {typed.strip(): key for typed, key in EMAIL_KEYS.items()}
    return kept["email"] is not None and keys[kept["email"]] == keys[address.strip()]


def _is_opted_in(kept: Contact) -> bool:
    opted_in, opted_out = kept["opted_in_at"], kept["opted_out_at"]
    return opted_in is not None and (opted_out is None or opted_out < opted_in)


def _quiet(kept: Contact) -> float:
    """How long they have been quiet: those who never wrote for ever."""
    at = kept["last_message_at"]
    return -at.timestamp() if at else float("inf")


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
