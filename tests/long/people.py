"""What the contract says of names, consent, blocks and merges, in plain dicts: a part of the model.

Consent is that to WhatsApp marketing; the other channels and purposes follow the same rules.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

E164: dict[str | int, str] = {
    "+14155550123": "+14155550123",
    "+1 (415) 555-0123": "+14155550123",
    14155550123: "+14155550123",
    "0033612345678": "+33612345678",
    "+33 6 12 34 56 78": "+33612345678",
    "tel:+٤٤٧٩١١١٢٣٤٥٦": "+447911123456",
    "+999012345678": "+999012345678",
    "+4915112345678": "+4915112345678",
    "+81 90-1234-5678": "+819012345678",
    "+12025550143": "+12025550143",
    "+55 88 99944-8232": "+5588999448232",
    "+558899448232": "+558899448232",
    "+54 9 11 2345-6789": "+5491123456789",
    "+541123456789": "+541123456789",
}
"""Phones as they are typed, and the one that is meant."""
OTHER_SPELLING = {
    one: other
    for pair in (("+5588999448232", "+558899448232"), ("+5491123456789", "+541123456789"))
    for one, other in (pair, pair[::-1])
}
INFERRED = ("+5491123456789", "+541123456789")

INVALID = "The given data was invalid."
MISSING = {"error": "Contact not found"}

Contact = dict[str, Any]
Given = dict[str, Any]
Answer = tuple[int, Any, str | None]
"""Status, body, ETag."""
Name = tuple[str, str]
"""Kind and value."""
Row = dict[str, Any]
"""Of the ledger."""
STRICTNESS = {"granted": 1, "pending": 2, "withdrawn": 3}
WHAT = "whatsapp marketing"
OWN_PHONE = "The value is the contact's own phone, which stays."
WHY = "The note must say why: this person opted out."
ITSELF = "The into must be another contact: this would be itself."
THE_SAME = "The into must be another contact: this id lives on in the one to merge."
NOT_MERGED = "The contact id must be one that was merged into another."


class Refusal(Exception):
    def __init__(self, status: int, body: object) -> None:
        self.answer: Answer = (status, body, None)


def etag(kept: Contact) -> str:
    return f'"{kept["id"]}-{kept["version"]}"'


def wire(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()


def shown(kept: Contact, keys: Iterable[str]) -> dict[str, Any]:
    return {key: wire(kept[key]) if isinstance(kept[key], datetime) else kept[key] for key in keys}


def spellings(kind: str, value: str) -> list[list[Name]]:
    """Under which names somebody is sought: as it stands, then otherwise."""
    if kind not in ("phone", "wa_id"):
        return [[(kind, value)]]
    number = value if kind == "phone" else f"+{value}"
    both = [number, *([OTHER_SPELLING[number]] if number in OTHER_SPELLING else [])]
    return [[("phone", one), ("wa_id", one[1:])] for one in both]


def kept_names(kept: Contact) -> list[Name]:
    """Under which the opt-out of somebody erased is kept."""
    found = []
    for kind, value in kept["names"]:
        if kind in ("phone", "wa_id"):
            found.append(("phone", value if kind == "phone" else f"+{value}"))
        elif kind == "bsuid":
            found.append((kind, value))
    return found


def standing(rows: Iterable[Row]) -> tuple[Row | None, Row | None]:
    """The opt-out that stands, and what else was said last."""
    stop = said = None
    for row in sorted(rows, key=lambda r: (r["at"], STRICTNESS[r["state"]], r["known"], r["id"])):
        if row["state"] == "pending":
            is_of_a_merge = row["contact"] != row["origin"]
            if said is None or said["state"] == "pending" or is_of_a_merge:
                said = row
        elif row["state"] == "withdrawn":
            stop = row
        elif row["source"] == "operator" and row["note"]:
            stop, said = None, row
        elif stop is None:
            said = row
    return stop, said


def in_force(rows: Iterable[Row]) -> Row | None:
    stop, said = standing(rows)
    return stop or said


def shown_times(rows: Iterable[Row]) -> dict[str, datetime | None]:
    stop, said = standing(rows)
    opted_in = said["at"] if said is not None and said["state"] == "granted" else None
    if stop is None:
        return {"opted_in_at": opted_in, "opted_out_at": None}
    if opted_in is not None and opted_in > stop["at"]:
        opted_in = None
    return {"opted_in_at": opted_in, "opted_out_at": stop["at"]}


def stricter(ours: list[Row], theirs: list[Row]) -> list[Row]:
    """What must be said again, so that nothing one of them has said to stop is lifted."""

    def limits(rows: list[Row]) -> tuple[Row | None, Row | None]:
        stop, said = standing(rows)
        return stop, said if said is not None and said["state"] == "pending" else None

    each = zip(limits(ours), limits(theirs), limits([*ours, *theirs]), strict=True)
    return [
        row for our, their, kept in each if kept is None for row in (our, their) if row is not None
    ]


def identities(kept: Contact) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "value": value,
            "confidence": confidence,
            "created_at": wire(at),
            "retired_at": None,
        }
        for (kind, value), (confidence, at) in sorted(kept["names"].items())
    ]


def facets(kept: Contact) -> dict[tuple[str, str], Any]:
    """Single facts that a merge gives and an unmerge takes back."""
    fields = ("phone", "name", "email", "locale", "last_message_at")
    found = {("field", name): kept[name] for name in fields if kept[name] is not None}
    found |= {("tag", name): kept["tagged"][name] for name in kept["tags"]}
    if kept["blocked"] is not None:
        found["block", "blocked"] = kept["blocked"]
    return found | {("metadata", key): value for key, value in kept["metadata"].items()}


def joined(place: tuple[str, str], ours: Any, theirs: Any) -> Any:
    if place == ("field", "last_message_at"):
        return max(ours, theirs)
    return min(ours, theirs) if place[0] == "block" else ours


def same(one: Any, other: Any) -> bool:
    if isinstance(one, datetime) or isinstance(other, datetime):
        return bool(one == other)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


class People:
    """The part of the model that knows who somebody is, and what they agreed to."""

    _find: Callable[[Given], Contact]
    _note: Callable[[Contact, str, object, object], None]
    _check_version: Callable[[Contact], None]
    now: datetime

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        """Those alive by id; whoever came back is behind those who were there."""
        self.log: list[dict[str, Any]] = []
        self.rows: list[Row] = []
        """Of every ledger, in the order written."""
        self.withdrawn: dict[Name, Row] = {}
        """Names of the erased, or taken away, and how whoever had them had opted out."""
        self.leads: dict[str, str] = {}
        """Merged ids, in the order merged, and whose they are now."""
        self.merges: list[dict[str, Any]] = []
        self.came_with: dict[Name, Name] = {}
        """Spellings of a number, and that under which its contact was known before."""

    # -- names

    def add_identity(self, given: Given) -> Any:
        kept = self._find(given)
        kind = given["kind"]
        value = E164.get(given["value"], given["value"]) if kind == "phone" else given["value"]
        ranks = spellings(kind, value)
        others = [
            one["id"]
            for one in self._in_order()
            if one is not kept and any(name in one["names"] for rank in ranks for name in rank)
        ]
        if others:
            problem = "Another contact holds this value."
            held = {"field": "value", "value": value, "contact_ids": others}
            raise Refusal(409, {"error": problem, **held})
        if (kind, value) not in kept["names"]:
            self.name_too(kept, kind, value, "given")
        return 200, self._renamed(kept), etag(kept)

    def remove_identity(self, given: Given) -> Any:
        kept = self._find(given)
        kind = given["kind"]
        value = E164.get(given["value"], given["value"]) if kind == "phone" else given["value"]
        if kind == "phone" and value == kept["phone"]:
            raise Refusal(422, {"message": INVALID, "errors": {"value": [OWN_PHONE]}})
        if kept["names"].pop((kind, value), None) is not None:
            named = {"identity": {"kind": kind, "value": value}}
            self._changed(kept, "contact.identity_removed", named, {})
            self._keep_removed(kept, kind, value)
        return 200, self._renamed(kept), etag(kept)

    def _keep_removed(self, kept: Contact, kind: str, value: str) -> None:
        """What they withdrew stays with it, where they go by it no more in any way."""
        stop, _ = standing(self.of_ledger(kept["id"]))
        same = {name for rank in spellings(kind, value) for name in rank}
        if stop is not None and not same & {*kept["names"]}:
            for name in kept_names({"names": {(kind, value): None}}):
                self.withdrawn[name] = self._told(stop)

    def name_too(self, kept: Contact, kind: str, value: str, confidence: str) -> None:
        others = [name for rank in spellings(kind, value) for name in rank if name in kept["names"]]
        self.came_with.pop((kind, value), None)
        if others:
            self.came_with[kind, value] = self.came_with.get(others[0], others[0])
        kept["names"][kind, value] = (confidence, self.now)
        before, after = None, {"identity": {"kind": kind, "value": value}}
        if kind == "phone" and kept["phone"] is None:
            kept["phone"] = value
            before, after = {"phone": None}, {**after, "phone": value}  # type: ignore[dict-item]
        self._changed(kept, "contact.identity_added", before, after)
        old = self.of_ledger(kept["id"])
        told = [(r["source"], r["method"], r["at"]) for r in old if r["state"] == "withdrawn"]
        new = [
            row
            for row in self.withdrawn_before(kept["id"], kind, value)
            if (row["source"], row["method"], row["at"]) not in told
        ]
        if new:
            self._record(kept, [*new, *self._again(stricter(old, new), kept["id"], [*old, *new])])

    def _renamed(self, kept: Contact) -> dict[str, Any]:
        return {"id": kept["id"], "phone": kept["phone"], "identities": identities(kept)}

    # -- consent

    def of_ledger(self, contact_id: str) -> list[Row]:
        """The rows that count for a contact, also those of whoever lives in it."""
        family = {contact_id, *(one for one, into in self.leads.items() if into == contact_id)}
        return [r for r in self.rows if r["contact"] in family and r["origin"] in family]

    def withdrawn_before(self, contact_id: str, kind: str, value: str) -> list[Row]:
        """What somebody had withdrawn who was erased under this name."""
        if kind in ("phone", "wa_id"):
            names = [rank[0] for rank in spellings(kind, value)]
        else:
            names = [(kind, value)] if kind == "bsuid" else []
        kept = [self.withdrawn[name] for name in names if name in self.withdrawn]
        if not kept:
            return []
        last = kept[0]
        for one in kept[1:]:
            last = one if last["at"] < one["at"] else last
        return [self._row(contact_id, **{**last, "note": "kept"})]

    def set_consent(self, given: Given) -> Any:
        kept = self._find(given)
        occurred = given.get("occurred_at")
        at = min(self.now, datetime.fromisoformat(occurred) if occurred else self.now)
        named = {name: given[name] for name in ("state", "source", "method")}
        row = self._row(kept["id"], at=at, note=given.get("note"), **named)
        old = self.of_ledger(kept["id"])
        over = in_force(old)
        lifts = row["state"] == "granted" and over is not None and over["state"] == "withdrawn"
        if lifts and row["source"] == "operator" and not row["note"]:
            raise Refusal(422, {"message": INVALID, "errors": {"note": [WHY]}})
        is_granted = over is not None and over["state"] == "granted" and over["at"] <= at
        is_kept = not (is_granted and row["state"] == "pending")
        if is_kept:
            self._record(kept, [row])
        now = in_force(self.of_ledger(kept["id"]))
        times = {name: kept[name] and wire(kept[name]) for name in ("opted_in_at", "opted_out_at")}
        state = {"state": now and now["state"], "since": now and wire(now["at"])}
        return 200, {"id": kept["id"], **times, "consent": state, "record": is_kept}, etag(kept)

    def _row(self, contact_id: str, **told: Any) -> Row:
        """Its place among the rows comes with its being written."""
        row = {"contact": contact_id, "origin": contact_id, "known": self.now, "id": None, **told}
        row["id"] = len(self.rows) + 1_000_000  # of those not written yet, behind all others
        return row

    def _again(self, lost: list[Row], into: str, rows: list[Row], origin: str = "") -> list[Row]:
        at = max([self.now, *(row["at"] for row in rows)])
        new = [{**row, "contact": into, "at": at, "known": at, "note": "again"} for row in lost]
        return [{**row, "origin": origin or row["origin"]} for row in new]

    def _write_rows(self, new: list[Row]) -> None:
        for row in new:
            row["id"] = len(self.rows) + 1
            self.rows.append(row)

    def _record(self, kept: Contact, new: list[Row]) -> None:
        before = self._agreed(kept)
        self._write_rows(new)
        kept.update(shown_times(self.of_ledger(kept["id"])))
        self._changed(kept, "contact.consent_changed", before, self._agreed(kept))

    def _agreed(self, kept: Contact) -> dict[str, Any]:
        row = in_force(self.of_ledger(kept["id"]))
        times = {name: kept[name] and wire(kept[name]) for name in ("opted_in_at", "opted_out_at")}
        return {"consent": {WHAT: row and row["state"]}, **times}

    # -- blocks

    def block_contact(self, given: Given) -> Any:
        return self._block(given, True)

    def unblock_contact(self, given: Given) -> Any:
        return self._block(given, False)

    def _block(self, given: Given, wanted: bool) -> Any:
        kept = self._find(given)
        was = kept["blocked"] is not None
        brought = [
            one["gifts"]
            for one in self.merges
            if was and wanted and one["into"] == kept["id"] and one["gifts"] is not None
            and one["gifts"].get(("block", "blocked"), (0, 0))[0] is None
        ]  # fmt: skip
        for gifts in brought:
            gifts["block", "blocked"] = (self.now, gifts["block", "blocked"][1])
        note = {"note": given["note"]} if "note" in given else {}
        if was != wanted or brought or (wanted and note):
            if was != wanted:
                kept["blocked"] = self.now if wanted else None
            what = "contact.blocked" if wanted else "contact.unblocked"
            self._changed(kept, what, {"blocked": was}, {"blocked": wanted, **note})
        since = kept["blocked"]
        shown = {"id": kept["id"], "phone": kept["phone"], "blocked": since is not None}
        return 200, {**shown, "blocked_at": since and wire(since)}, etag(kept)

    # -- merges

    def merge_contacts(self, given: Given) -> Any:
        gone, into = (self._by_any_id(given, field) for field in ("contact_id", "into"))
        self._check_version(into)
        if gone is into:
            done = next(
                (m for m in self.merges[::-1] if m["from"] == given["contact_id"]
                 and m["from"] in self.leads),
                None,
            )  # fmt: skip
            problem = ITSELF if given["contact_id"] == given["into"] else THE_SAME
            if given["contact_id"] == given["into"] or done is None:
                raise Refusal(422, {"message": INVALID, "errors": {"into": [problem]}})
            return self._merged(done, into)
        ours, theirs = facets(into), facets(gone)
        gifts = {}
        for place, value in theirs.items():
            wanted = joined(place, ours[place], value) if place in ours else value
            if place not in ours or not same(wanted, ours[place]):
                gifts[place] = (ours.get(place), wanted)
        done = {
            "from": gone["id"], "into": into["id"], "at": self.now, "undone_at": None,
            "gifts": gifts, "was": {**gone, "names": dict(gone["names"])},
            "followers": [one for one, led in self.leads.items() if led == gone["id"]],
        }  # fmt: skip
        rows = self.of_ledger(into["id"]), self.of_ledger(gone["id"])
        both = [*rows[0], *rows[1]]
        new = self._again(stricter(*rows), into["id"], both, gone["id"])
        for place, row in enumerate(new):
            row["id"] = 2_000_000 + place
        wanted = {**into, "names": dict(into["names"]), "tagged": dict(into["tagged"])}
        self._give(wanted, {place: gift[1] for place, gift in gifts.items()})
        wanted["total_messages"] += gone["total_messages"]
        wanted.update(shown_times([*both, *new]))
        if given.get("dry_run"):
            return self._merged(done, wanted, is_done=False)
        wanted.update(updated_at=self.now, version=into["version"] + 1)
        wanted["names"] |= gone["names"]
        into.update(wanted)
        self._write_rows(new)
        del self.contacts[gone["id"]]
        for follower in done["followers"]:
            self.leads[follower] = into["id"]
        self.leads[gone["id"]] = into["id"]
        self.merges.append(done)
        self._note_merge("contact.merged", done, (gone, into))
        return self._merged(done, into)

    def unmerge_contacts(self, given: Given) -> Any:
        named = given["contact_id"]
        if named not in self.leads:
            if named not in self.contacts:
                raise Refusal(404, MISSING)
            raise Refusal(422, {"message": INVALID, "errors": {"contact_id": [NOT_MERGED]}})
        done = next(m for m in self.merges[::-1] if m["from"] == named and m["gifts"] is not None)
        known = self.contacts[done["into"]]  # the steps undo the last merge first
        self._check_version(known)
        was, held = done["was"], dict(known["names"])
        self._take_back(known, done["gifts"])
        known["total_messages"] = max(0, known["total_messages"] - was["total_messages"])
        del self.leads[named]
        for follower in done["followers"]:
            if self.leads.get(follower) == known["id"]:
                self.leads[follower] = named
        gifts, done["gifts"], done["undone_at"] = done["gifts"], None, self.now
        first = self.rows_at(done)
        since = [
            self._row(named, **{**self._told(row), "note": "meanwhile"})
            for row in self.of_ledger(known["id"])
            if row["state"] == "withdrawn" and row["contact"] == known["id"] and row["id"] > first
        ]
        assert gifts is not None
        self._write_rows(since)
        theirs = {
            name: one
            for name, one in held.items()
            if name in was["names"] or self.came_with.get(name) in was["names"]
        }
        numbers = [value for kind, value in sorted(theirs) if kind == "phone"]
        phone = was["phone"] if was["phone"] in numbers else (numbers or [None])[0]
        back = {**was, "names": theirs}
        back.update(phone=phone, updated_at=self.now, version=was["version"] + 1)
        back.update(shown_times(self.of_ledger(named)))
        self.contacts[named] = back
        known["names"] = {name: one for name, one in held.items() if name not in back["names"]}
        known.update(shown_times(self.of_ledger(known["id"])))
        known.update(updated_at=self.now, version=known["version"] + 1)
        self._note_merge("contact.unmerged", done, (known, back))
        shown = {"merge_id": "merge", "contact": _survivor(back), "survivor": _survivor(known)}
        return 200, shown, etag(back)

    def rows_at(self, done: dict[str, Any]) -> int:
        """How many rows there were when the merge was done."""
        return int(done["rows"])

    def _told(self, row: Row) -> Row:
        return {name: row[name] for name in ("state", "source", "method", "at")}

    def merged_from(self, kept: Contact) -> list[dict[str, Any]]:
        """The last merged first."""
        return [
            {"id": merge["from"], "merged_at": wire(merge["at"])}
            for merge in reversed(self.merges)
            if merge["gifts"] is not None and self.leads.get(merge["from"]) == kept["id"]
        ]

    def _give(self, kept: Contact, changes: dict[tuple[str, str], Any]) -> None:
        new = [key for group, key in changes if group == "tag"]
        kept["tags"] = [*new, *kept["tags"]]
        kept["metadata"] = dict(kept["metadata"])
        for (group, key), value in changes.items():
            if group == "field":
                kept[key] = value
            elif group == "tag":
                kept["tagged"][key] = value
            elif group == "metadata":
                kept["metadata"][key] = value
            else:
                kept["blocked"] = value
        kept["tagged"] = {name: kept["tagged"][name] for name in kept["tags"]}

    def _take_back(self, kept: Contact, gifts: dict[tuple[str, str], Any]) -> None:
        now = facets(kept)
        kept["metadata"] = dict(kept["metadata"])
        for place, (was, given) in gifts.items():
            if place not in now or not same(now[place], given):
                continue
            group, key = place
            if group == "field":
                kept[key] = was
            elif group == "tag":
                kept["tags"] = [name for name in kept["tags"] if name != key]
            elif group == "metadata":
                del kept["metadata"][key]
            else:
                kept["blocked"] = was
        kept["tagged"] = {name: kept["tagged"][name] for name in kept["tags"]}

    def _merged(self, done: dict[str, Any], into: Contact, *, is_done: bool = True) -> Any:
        def gained(wanted: str) -> list[str]:
            return [key for group, key in done["gifts"] if group == wanted]

        was = done["was"]
        shown = {
            "merge_id": "merge" if is_done else None,
            "merged_id": done["from"],
            "contact": _survivor(into),
            "gained": {
                "identities": [{"kind": k, "value": v} for k, v in sorted(was["names"])],
                "fields": gained("field"),
                "tags": gained("tag"),
                "metadata": gained("metadata"),
                "messages": was["total_messages"],
            },
        }
        return 200, shown, etag(into)

    def _by_any_id(self, given: Given, field: str) -> Contact:
        kept = self.contacts.get(self.leads.get(given[field], given[field]))
        if kept is None:
            raise Refusal(404, MISSING)
        return kept

    def _note_merge(self, what: str, done: dict[str, Any], both: tuple[Contact, Contact]) -> None:
        done.setdefault("rows", len(self.rows))
        after = {"merge_id": "merge", "contact_id": done["from"], "into": done["into"]}
        for kept in both:
            self._note(kept, what, None, after)

    # -- erasure

    def forget(self, kept: Contact) -> list[str]:
        """Keep the opt-outs, and forget where ids led; returns all ids of the person."""
        stop, _ = standing(self.of_ledger(kept["id"]))
        if stop is not None:
            for name in kept_names(kept):
                self.withdrawn[name] = self._told(stop)
        uuids = [kept["id"], *(one for one, into in self.leads.items() if into == kept["id"])]
        for uuid in uuids:
            self.leads.pop(uuid, None)
            self._forget_in_hosts(uuid)
        for merge in self.merges:
            if merge["into"] in uuids:
                merge["gifts"] = None
        return uuids

    def _forget_in_hosts(self, contact_id: str) -> None:
        """What the log of others says of the time that this one lived in them."""
        waiting: list[tuple[str, Any, Any]] = [(contact_id, None, None)]
        seen: set[Any] = set()
        while waiting:
            uuid, since, until = waiting.pop()
            for merge in self.merges:
                if merge["from"] != uuid or merge["undone_at"] is None:
                    continue
                span = (
                    merge["into"],
                    merge["at"] if since is None else max(since, merge["at"]),
                    merge["undone_at"] if until is None else min(until, merge["undone_at"]),
                )
                if span[1] <= span[2] and span not in seen:
                    seen.add(span)
                    waiting.append(span)
                    self._blank(span)
        for host in {span[0] for span in seen} & self.contacts.keys():
            self.contacts[host]["version"] += 1

    def _blank(self, span: tuple[str, datetime, datetime]) -> None:
        for entry in self.log:
            if entry["contact_id"] == span[0] and span[1] <= entry["when"] <= span[2]:
                entry["before"] = entry["after"] = None

    def _in_order(self) -> list[Contact]:
        return sorted(self.contacts.values(), key=lambda one: one["number"])

    def _changed(self, kept: Contact, what: str, before: object, after: object) -> None:
        kept.update(updated_at=self.now, version=kept["version"] + 1)
        self._note(kept, what, before, after)


def _survivor(kept: Contact) -> dict[str, Any]:
    keys = ("id", "phone", "name", "email", "tags", "metadata", "opted_in_at", "opted_out_at")
    return shown(kept, (*keys, "last_message_at", "total_messages"))
