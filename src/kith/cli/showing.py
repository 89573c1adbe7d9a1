"""How contacts and what happened to them look to a person."""

from collections.abc import Sequence

import click
import msgspec

from kith.actions.look_ups import Expanded
from kith.actions.reachability import Reached
from kith.cli.common import print_fields, print_table
from kith.domain import json
from kith.domain.audit import Entry
from kith.domain.consent import InForce
from kith.domain.contacts import Contact, tags_of
from kith.domain.times import wire, wire_or_none

CELL_CHARACTERS_MAX = 40
CONTACTS = ("PHONE", "NAME", "EMAIL", "TAGS", "LAST MESSAGE", "ID")


def print_written(answer: msgspec.Struct, known: Contact) -> None:
    """A contact as it is after a change; `answer` is what a program gets."""
    click.echo("Saved. The contact is now:\n")
    print_fields({**msgspec.structs.asdict(answer), "tags": tags_of(known)})


def print_contacts(found: Sequence[Contact]) -> None:
    print_table(CONTACTS, [_contact(one) for one in found])


def print_changes(entries: Sequence[Entry]) -> None:
    headings = ("AT", "WHAT", "CONTACT", "WHO", "CHANGED")
    print_table(
        headings, [(wire(e.at), e.what, e.contact_id, _who(e), _changed(e)) for e in entries]
    )


def print_more(more: Expanded) -> None:
    """What was asked for beside the contact itself."""
    if more.tags is not None:
        tags = [(one.name, wire(one.added_at), one.id) for one in more.tags]
        _print_part("Tags", ("TAG", "ADDED", "ID"), tags)
    if more.identities is not None:
        known_as = [
            (
                one.kind,
                one.value,
                one.confidence,
                wire(one.created_at),
                wire_or_none(one.retired_at),
            )
            for one in more.identities
        ]
        _print_part("Identities", ("KIND", "VALUE", "CONFIDENCE", "SINCE", "RETIRED"), known_as)
    if (match := more.match) is not None:
        sure = "inferred" if match.is_inferred else None
        found_by = [(match.matched_by, match.match_kind, sure)]
        _print_part("Match", ("BY", "KIND", "CONFIDENCE"), found_by)
    if more.history is not None:
        changes = [(wire(e.at), e.what, _who(e), _changed(e)) for e in more.history]
        _print_part("History", ("AT", "WHAT", "WHO", "CHANGED"), changes)
    if more.messages is not None:
        said = [(wire(one.at), one.direction, one.type, one.status) for one in more.messages]
        _print_part("Messages", ("AT", "DIRECTION", "TYPE", "STATUS"), said)
    if more.consent is not None:
        _print_consent(more.consent)
    if more.reachability is not None:
        _print_reachability(more.reachability)
    if more.merged_from is not None:
        merged = [(one.id, wire(one.merged_at)) for one in more.merged_from]
        _print_part("Merged from", ("ID", "MERGED"), merged)


def _print_consent(found: Sequence[InForce]) -> None:
    rows = [
        (
            one.channel,
            one.purpose,
            one.state or "unknown",
            wire_or_none(one.since),
            one.row.source if one.row is not None else None,
            one.row.method if one.row is not None else None,
            "stopped" if one.is_stopped_at_meta else None,
        )
        for one in found
    ]
    headings = ("CHANNEL", "PURPOSE", "STATE", "SINCE", "SOURCE", "METHOD", "AT META")
    _print_part("Consent", headings, rows)


def _print_reachability(found: Reached) -> None:
    """By whichever number allows most, and by each."""
    by_number = [(found.phones[one] or one, judged) for one, judged in found.judgement.numbers]
    rows = [
        (by, kind, "yes" if one.allowed else "no", one.reason, wire_or_none(one.until))
        for by, judged in [("any", found.judgement.overall), *by_number]
        for kind, one in msgspec.structs.asdict(judged).items()
    ]
    _print_part("Reachability", ("NUMBER", "KIND", "ALLOWED", "REASON", "UNTIL"), rows)


def _print_part(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    click.echo(f"\n{title}:" if rows else f"\n{title}: none")
    if rows:
        print_table(headings, rows)


def _contact(one: Contact) -> tuple[object, ...]:
    texts = (one.name, one.email, ", ".join(tags_of(one)) or None)
    at = wire_or_none(one.last_message_at)
    return one.phone, *map(_short, texts), at, one.id


def _short(text: str | None) -> str | None:
    """A long name must not push the other columns off the screen."""
    if text is None or len(text) <= CELL_CHARACTERS_MAX:
        return text
    return text[: CELL_CHARACTERS_MAX - 1] + "…"


def _who(entry: Entry) -> str:
    if entry.connection_id is not None:
        return f"connection {entry.connection_id}"
    if entry.user_id is None:
        return "operator"
    name = entry.user_email or f"user {entry.user_id}"
    return f"{name}, token {entry.token_id}" if entry.token_id is not None else name


def _changed(entry: Entry) -> str | None:
    """The fields' names; of a new contact those that hold something."""
    if entry.after is None:
        return None
    after = json.decode_object(bytes(entry.after))
    is_new = entry.before is None
    return ", ".join(name for name in after if not is_new or after[name] not in (None, [], {}))
