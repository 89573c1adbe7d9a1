"""Two contacts that are one person: what the survivor gets of the other, and how it is given back.

A contact is taken apart into facets: single facts that can be given and taken back alone, such as
a name, one tag, one key of the metadata. A merge notes as gifts what it changed of the survivor's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kith.domain import consent, json, whatsapp
from kith.domain.consent import Record
from kith.domain.contacts import Contact, Particulars, differ
from kith.domain.identities import Confidence, Kind
from kith.domain.matches import number_of
from kith.domain.phone import Phone
from kith.domain.reachability import Reason
from kith.domain.times import from_us_or_none, to_us_or_none

CONVERSATION = ("last_inbound_at", "refused_at", "capped_until", "experiment_until")
"""The columns of `Side.conversations`, in their order; of each the later is the more restrictive,
but for the first: there the later is the true one."""

_FILLED = ("phone", "name", "email", "locale")

Place = tuple[str, str]
"""A group of facets, and a key in it."""
Facets = dict[Place, Any]
Answers = list[tuple[str, str]]
"""Kept for a repeat: operation and key."""
_NEWEST: Place = ("field", "last_message_at")


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it was, to the last row; times of rows are microseconds since 1970.

    `tags` in their order with when each was added; `identities` as kind, value, since, confidence;
    `conversations` by business number; `blocks` by reason, with since when.
    """

    contact: Contact
    tags: list[tuple[str, int]]
    identities: list[tuple[Kind, str, int, Confidence]]
    conversations: dict[str, tuple[int | None, int | None, int | None, int | None]]
    blocks: dict[Reason, int]


class Gift(msgspec.Struct, frozen=True, array_like=True):
    """What a merge changed of the survivor's; `was` is None where there was nothing."""

    group: str
    key: str
    was: Any
    now: Any

    @property
    def place(self) -> Place:
        return self.group, self.key


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """All that an unmerge needs.

    `followers` are ids that had been merged into the one before; `answers` are the kept answers
    that went over, as action and key, and `other_answers` those that told about it as the other.
    """

    merged: Side
    into: Side
    gifts: list[Gift]
    followers: list[str]
    answers: Answers
    other_answers: Answers = []


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal; `journal` is None once it is undone or erased."""

    id: str
    from_id: str
    into_id: str
    at: datetime
    undone_at: datetime | None
    journal: Journal | None


class MergedFrom(msgspec.Struct, frozen=True, kw_only=True):
    """An id that leads to the contact since it was merged."""

    id: str
    merged_at: datetime


def facets(side: Side) -> Facets:
    """Only what there is: nothing is None but a null in the metadata."""
    found: Facets = {("tag", name): added_at for name, added_at in side.tags}
    found |= {("block", reason): since for reason, since in side.blocks.items()}
    for number, columns in side.conversations.items():
        named = zip(CONVERSATION, columns, strict=True)
        found |= {("conversation", f"{number}/{name}"): at for name, at in named}
    found = {place: value for place, value in found.items() if value is not None}
    return own_facets(side.contact) | found


def own_facets(one: Contact) -> Facets:
    """Those of its row."""
    found: Facets = {("field", name): getattr(one, name) for name in _FILLED}
    found[_NEWEST] = to_us_or_none(one.last_message_at)
    found = {place: value for place, value in found.items() if value is not None}
    metadata = json.decode_object(bytes(one.metadata))
    return found | {("metadata", key): value for key, value in metadata.items()}


def gifts(ours: Facets, theirs: Facets) -> list[Gift]:
    """What changes of the survivor's facets when the other lives on in it."""
    found = []
    for place, value in theirs.items():
        joined = _joined(place, ours[place], value) if place in ours else value
        if place not in ours or differ(joined, ours[place]):
            found.append(Gift(*place, ours.get(place), joined))
    return found


def given(ours: Facets, changes: Iterable[Gift]) -> Facets:
    return ours | {gift.place: gift.now for gift in changes}


def given_back(
    now: Facets, gone: Iterable[Gift], later: Sequence[tuple[Facets, Mapping[Place, Gift]]]
) -> tuple[Facets, list[dict[Place, Gift]]]:
    """The survivor's facets without a merge's gifts, and then the gifts of the later merges.

    What others have written since stays, and what a later one of those merged holds too, becomes
    its gift. `later` are the facets and the gifts of merges into the same contact, oldest first.
    """
    left, kept = dict(now), [dict(gifts_of) for _, gifts_of in later]
    for gift in gone:
        place = gift.place
        value, has_value = gift.was, gift.was is not None
        expected, new = gift.now, [gifts_of.get(place) for gifts_of in kept]
        for at, (theirs, _) in enumerate(later):
            if (old := new[at]) is not None:
                if differ(old.was, expected):
                    break  # somebody wrote in between
                expected = old.now
            new[at] = None
            if place in theirs:
                joined = _joined(place, value, theirs[place]) if has_value else theirs[place]
                if not has_value or differ(joined, value):
                    new[at] = Gift(*place, value if has_value else None, joined)
                    value, has_value = joined, True
        else:
            if place not in now or differ(now[place], expected):
                continue
            for gifts_of, one in zip(kept, new, strict=True):
                gifts_of.pop(place, None)
                if one is not None:
                    gifts_of[place] = one
            left.pop(place)
            if has_value:
                left[place] = value
    return left, kept


def told_of(journals: Sequence[Journal], at: int, before: Facets, told: Facets) -> list[Journal]:
    """The journals of all merges into one contact, oldest first, once another system has told of
    whoever was merged by the one at `at`.

    It is the merged contact's own, and a gift to the survivor, in place of what was given there by
    this merge and those after. `before` are the survivor's facets until then.
    """
    found = [{gift.place: gift for gift in journal.gifts} for journal in journals]
    for place, value in told.items():
        was = before.get(place)
        for gifts_of in reversed(found[at:]):
            gift = gifts_of.pop(place, None)
            if gift is not None and not differ(gift.now, was):
                was = gift.was
        if was is None or differ(was, value):
            found[at][place] = Gift(*place, was, value)
    done = [
        msgspec.structs.replace(journal, gifts=list(gifts_of.values()))
        for journal, gifts_of in zip(journals, found, strict=True)
    ]
    merged = done[at].merged
    own = contact_with(merged.contact, facets(merged) | told)
    merged = msgspec.structs.replace(merged, contact=own)
    done[at] = msgspec.structs.replace(done[at], merged=merged)
    return done


def facets_of(given: Particulars) -> Facets:
    """What of a contact is given, but for tags: each is told by itself."""
    found: Facets = {("field", name): getattr(given, name) for name in ("name", "email")}
    found = {place: value for place, value in found.items() if value is not None}
    return found | {("metadata", key): value for key, value in given.metadata.items()}


def contact_with(contact: Contact, ours: Facets) -> Contact:
    """The contact as its facets say, but for what is not of its row."""
    metadata = {key: value for (group, key), value in ours.items() if group == "metadata"}
    before = json.decode_object(bytes(contact.metadata))
    kept = {key: metadata[key] for key in before if key in metadata}
    return msgspec.structs.replace(
        contact,
        **{name: ours.get(("field", name)) for name in _FILLED},
        last_message_at=from_us_or_none(ours.get(_NEWEST)),
        metadata=msgspec.Raw(json.encode({**kept, **metadata})),
    )


def joined_consent(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    *,
    merged_id: str,
    into_id: str,
    at: datetime,
    new_id: Callable[[], str],
) -> list[Record]:
    """Rows to append so that the stricter of both counts, for every channel and purpose.

    Their origin is the merged contact, whoever said it first: an unmerge leaves them behind.
    """
    rows = consent.all_merged(ours, theirs, into=into_id, at=at, new_id=new_id)
    return [msgspec.structs.replace(row, origin_contact_id=merged_id) for row in rows]


def withdrawn_since(
    ours: Sequence[Record], done: Merge, *, at: datetime, new_id: Callable[[], str]
) -> list[Record]:
    """For the contact that is back: what was withdrawn of the survivor while they were one."""
    return [
        msgspec.structs.replace(
            row,
            id=new_id(),
            contact_id=done.from_id,
            origin_contact_id=done.from_id,
            recorded_at=max(at, row.recorded_at),
            actor_user_id=None,
            actor_user_email=None,
            actor_token_id=None,
            address=None,
            evidence=msgspec.Raw(json.encode({"repeats": row.id})),
            note="Withdrawn while two contacts were merged: it counts for both.",
        )
        for row in ours
        if row.state == "withdrawn" and row.contact_id == done.into_id and row.id > done.id
    ]


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A name of the survivor; `origin_id`: with which of those merged it came, or goes."""

    kind: Kind
    value: str
    origin_id: str | None
    is_retired: bool

    @property
    def key(self) -> tuple[Kind, str]:
        return self.kind, self.value

    @property
    def number(self) -> Phone | None:
        return number_of(self.kind, self.value)

    @property
    def address(self) -> str:
        """As messages have it."""
        return self.number or self.value


def returning(names: Iterable[Name], journal: Journal, *, ids: Collection[str]) -> list[Name]:
    """Which of the survivor's names go with those who are back, by their ids.

    Those that it brought, those that were learned by one of these, and its numbers in whatever
    spelling and kind they were noted since.
    """
    brought = {(kind, value) for kind, value, *_ in journal.merged.identities}
    theirs = [one for one in names if one.key in brought or one.origin_id in ids]
    numbers = {one.number for one in theirs} | {number_of(*one) for one in brought}
    own = {number_of(kind, value) for kind, value, *_ in journal.into.identities}
    for one in names:
        number = one.number
        if one in theirs or number is None or number in own or one.origin_id is not None:
            continue
        if number in numbers or (whatsapp.variant(number) or number) in numbers:
            theirs.append(one)
    return theirs


def shown_phone(names: Iterable[Name], *likeliest: Phone | None) -> Phone | None:
    """The first of the likeliest that is among these names and in use, else any such; None when
    every phone was given up, as it may be somebody else's by now."""
    phones = {Phone(one.value): one.is_retired for one in names if one.kind == "phone"}
    order = [one for one in (*likeliest, *phones) if one is not None and one in phones]
    return next((one for one in order if not phones[one]), None)


def without(now: Facets, *, all_: Facets, rest: Facets, floors: Sequence[Facets]) -> Facets:
    """The survivor's facets without what only messages that go away have told.

    `all_` is what its messages tell, `rest` what they tell without those; `floors` are what it was
    before, and what was joined to that.
    """
    left = dict(now)
    for place, told in all_.items():
        if now.get(place) == told and rest.get(place) != told:
            known = [one[place] for one in (*floors, rest) if place in one]
            left.pop(place)
            if known:
                left[place] = max(known)
    return left


def with_told(ours: Facets, told: Facets) -> Facets:
    """What messages tell is true at least."""
    return ours | {at: max(value, ours.get(at, value)) for at, value in told.items()}


def told_since(
    ours: Sequence[Record],
    done: Merge,
    *,
    ids: Collection[str],
    at: datetime,
    new_id: Callable[[], str],
) -> list[Record]:
    """For the contact that is back: what those who are back said themselves while they were one."""
    return [
        msgspec.structs.replace(
            row, id=new_id(), contact_id=done.from_id, recorded_at=max(at, row.recorded_at)
        )
        for row in ours
        if row.origin_contact_id in ids and row.contact_id == done.into_id and row.id > done.id
    ]


def _joined(place: Place, ours: Any, theirs: Any) -> Any:
    if place == _NEWEST or place[0] == "conversation":
        return max(ours, theirs)
    if place[0] == "block":
        return min(ours, theirs)
    return ours
