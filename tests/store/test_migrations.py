"""Migrations: from empty they lead to the schema that is written down, whole or not at all."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import msgspec
import pytest

from kith.actions.run import new_id, utc_now
from kith.domain import ids as ids_of
from kith.domain import search
from kith.domain.consent import in_force, projection
from kith.domain.contacts import Contact, Filters
from kith.domain.idempotency import digest
from kith.domain.times import to_us
from kith.errors import CannotStart
from kith.store import backfill, consent, contact_lists, contacts, migrate, schema, tags
from kith.store.database import Database, Tx, connect
from kith.store.sqlite import SQLite
from tests.cast import id_of


@pytest.mark.row("S10")
async def test_migrations_lead_to_the_schema_written_down(blank_database_url: str) -> None:
    database = await connect(blank_database_url)
    try:
        assert len(await migrate.apply_all(database, utc_now())) == len(migrate.known())
        assert await migrate.apply_all(database, utc_now()) == []
        assert await database.read(migrate.is_current)
        assert await database.read(schema.text) == schema.FILES[database.engine].read_text()
    finally:
        await database.close()


async def test_the_schema_written_down_makes_the_same_tables(tmp_path: Path) -> None:
    path = str(tmp_path / "written.db")
    written = schema.FILES["sqlite"].read_text()
    apsw.Connection(path).execute(written)
    database = SQLite(path)
    assert await database.read(schema.text) == written
    await database.close()


@pytest.mark.row("S10")
async def test_several_processes_apply_each_migration_once(blank_database_url: str) -> None:
    databases = [await connect(blank_database_url) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate.apply_all(d, utc_now()) for d in databases))
        assert sum(map(len, applied)) == len(migrate.known())
    finally:
        for database in databases:
            await database.close()


@pytest.mark.row("S10")
async def test_refuses_a_newer_database(blank_database_url: str) -> None:
    database = await connect(blank_database_url)
    try:
        await migrate.apply_all(database, utc_now())
        newer = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (9999, 'x', 0)"
        await database.write(lambda tx: tx.run(newer))
        with pytest.raises(CannotStart, match="newer than this Kith"):
            await migrate.apply_all(database, utc_now())
    finally:
        await database.close()


FILLED = {
    1: {
        "+14155550101": ("Élodie MÜLLER", "Elodie@Example.com"),
        "+14155550102": ("ЖАННА", None),
        "+14155550103": ("Straße", "ДАША@example.com"),
        "+14155550104": ("İpek 100%", None),
        "+14155550105": (None, None),
    },
    2: {"+14155550101": ("élodie", "elodie@example.com"), "+14155550106": ("Σίσυφος", None)},
}
"""By workspace and phone: name and e-mail, as they were before 0002."""


async def filled(database: Database) -> None:
    """Contacts and tags in a database at migration 0001."""

    async def work(tx: Tx) -> None:
        for tenant_id, people in FILLED.items():
            await tx.run(
                "INSERT INTO tenants (id, uuid, name, created_at) VALUES (:id, :uuid, 'Old', 0)",
                id=tenant_id,
                uuid=f"tenant {tenant_id}",
            )
            for number, name in enumerate(("VIP", "vip", "Été", "ГОРОД")):
                await tx.run(
                    "INSERT INTO tags (tenant_id, uuid, name, created_at)"
                    " VALUES (:tenant_id, :uuid, :name, 0)",
                    tenant_id=tenant_id,
                    uuid=f"tag {number}",
                    name=name,
                )
            for number, (phone, (name, email)) in enumerate(people.items()):
                await tx.run(
                    "INSERT INTO contacts (tenant_id, uuid, phone, name, email, email_key, source,"
                    " tags, created_at, updated_at) VALUES (:tenant_id, :uuid, :phone, :name,"
                    " :email, :email_key, 'api', '[]', :at, :at)",
                    tenant_id=tenant_id,
                    uuid=f"contact {number}",
                    phone=phone,
                    name=name,
                    email=email,
                    email_key=email and email.lower(),
                    at=number,
                )

    await database.write(work)


@pytest.mark.row("S10", "T16.2")
@pytest.mark.parametrize("rows_at_once", [backfill.ROWS, 2])
@pytest.mark.parametrize("walk_rows", [contact_lists.WALK_ROWS, 0], ids=["walk", "index"])
async def test_what_was_there_before_is_found_without_case(
    blank_database_url: str, monkeypatch: pytest.MonkeyPatch, rows_at_once: int, walk_rows: int
) -> None:
    monkeypatch.setattr(backfill, "ROWS", rows_at_once)
    monkeypatch.setattr(contact_lists, "WALK_ROWS", walk_rows)
    database = await connect(blank_database_url)

    async def found(tenant_id: int, query: str) -> list[str | None]:
        filters = Filters(query=search.fold(query))
        people = await database.scan(
            lambda tx: contact_lists.most_active(
                tx, tenant_id=tenant_id, filters=filters, rows_max=50
            )
        )
        return [one.phone for one in people]

    async def tagged(text: str | None) -> list[str]:
        contains = search.fold(text) if text else None
        listed = await database.scan(lambda tx: tags.list_all(tx, tenant_id=1, contains=contains))
        return [tag.name for tag in listed]

    try:
        assert await migrate._apply(database, migrate.known()[0], utc_now())
        await filled(database)
        assert len(await migrate.apply_all(database, utc_now())) == len(migrate.known()) - 1
        for tenant_id, people in FILLED.items():
            for phone, (name, email) in people.items():
                for text in filter(None, (phone, name, email)):
                    for query in (text, text.upper(), text.lower(), text[-3:], text[:2]):
                        assert phone in await found(tenant_id, query), query
        assert await found(1, "ЭЛОДИ") == []
        assert await found(1, "élodie") == ["+14155550101"]
        assert await found(1, "STRASSE") == ["+14155550103"]
        assert await found(1, "даша") == ["+14155550103"]
        assert await found(1, "%") == ["+14155550104"]
        assert await found(2, "ΣΊΣΥΦΟΣ") == ["+14155550106"]
        assert await found(2, "жанна") == []
        assert await tagged("vip") == ["VIP", "vip"]
        assert await tagged("ÉTÉ") == ["Été"]
        assert await tagged("город") == ["ГОРОД"]
        assert await tagged(None) == ["VIP", "vip", "Été", "ГОРОД"]
        rows = await database.read(
            lambda tx: tx.all("SELECT version, COUNT(*) FROM contacts GROUP BY version")
        )
        assert [tuple(row) for row in rows] == [(1, sum(map(len, FILLED.values())))]
    finally:
        await database.close()


@pytest.mark.row("S10", "T16.2")
@pytest.mark.parametrize("walk_rows", [contact_lists.WALK_ROWS, 0], ids=["walk", "index"])
async def test_an_accent_that_stood_alone_is_found_with_its_letter(
    blank_database_url: str, monkeypatch: pytest.MonkeyPatch, walk_rows: int
) -> None:
    """From 0022 on; what the index held of the key before is taken out of it."""
    monkeypatch.setattr(contact_lists, "WALK_ROWS", walk_rows)
    database = await connect(blank_database_url)

    async def found(query: str) -> int:
        filters = Filters(query=query)
        people = await database.scan(
            lambda tx: contact_lists.most_active(tx, tenant_id=1, filters=filters, rows_max=50)
        )
        return len(people)

    async def rename(tx: Tx) -> None:
        [was, *_] = [person for tenant_id, person in await everybody(tx) if tenant_id == 1]
        contact = msgspec.structs.replace(was, name="NGUYE\u0302\u0303N")
        await contacts.change(tx, tenant_id=1, was=was, contact=contact)

    try:
        await migrate._apply(database, migrate.known()[0], utc_now())
        await filled(database)
        with monkeypatch.context() as before:
            before.setattr(search, "fold", str.casefold)
            for migration in migrate.known()[1:21]:
                await migrate._apply(database, migration, utc_now())
            await database.write(rename)
            assert await found("nguye\u0302\u0303n") == 1
        assert len(await migrate.apply_all(database, utc_now())) == len(migrate.known()) - 21
        assert [await found(text) for text in ("nguyễn", "nguye\u0302\u0303n")] == [1, 0]
        assert await found(search.fold("nguye\u0302\u0303n")) == 1
        assert await database.check() == []
    finally:
        await database.close()


@pytest.mark.row("S10")
async def test_what_was_there_before_can_be_changed_and_removed(
    blank_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite the search index takes out what it once took in, or says that it is broken."""
    monkeypatch.setattr(contact_lists, "WALK_ROWS", 0)
    database = await connect(blank_database_url)
    try:
        await migrate._apply(database, migrate.known()[0], utc_now())
        await filled(database)
        await migrate.apply_all(database, utc_now())
        await database.write(change_all)
        for tenant_id in FILLED:
            people = await database.scan(
                lambda tx, tenant_id=tenant_id: contact_lists.most_active(
                    tx, tenant_id=tenant_id, filters=Filters(query="zeb"), rows_max=50
                )
            )
            assert {one.phone for one in people} == FILLED[tenant_id].keys()
        await database.write(remove_all)
        assert await database.check() == []
    finally:
        await database.close()


async def change_all(tx: Tx) -> None:
    for tenant_id, person in await everybody(tx):
        contact = msgspec.structs.replace(person, name="Zebra")
        await contacts.change(tx, tenant_id=tenant_id, was=person, contact=contact)


async def remove_all(tx: Tx) -> None:
    for tenant_id, person in await everybody(tx):
        await contacts.remove(tx, tenant_id=tenant_id, contact=person)


async def everybody(tx: Tx) -> list[tuple[int, Contact]]:
    return [
        (tenant_id, person)
        for tenant_id in FILLED
        for person in await contact_lists.most_active(
            tx, tenant_id=tenant_id, filters=Filters(), rows_max=50
        )
    ]


@pytest.mark.row("F4")
def test_killed_at_any_statement_leaves_the_old_or_the_new_schema(tmp_path: Path) -> None:
    """A second run finishes; never half of a schema."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.store.killed_migrations", str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
    )
    points = json.loads(told.stdout)
    assert len(points) > 14 * len(migrate.known())
    before = ""
    for last in range(1, len(migrate.known()) + 1):
        to_it = [point for point in points if point["to"] == last]
        [after] = {point["after_second_run"] for point in to_it}
        assert {point["after_kill"] for point in to_it} <= {before, after}
        assert before in {point["after_kill"] for point in to_it}
        before = after
    assert before == schema.FILES["sqlite"].read_text()


def test_a_line_for_one_engine_is_left_out_of_the_other() -> None:
    migration = migrate.Migration(1, "x", "a INT, -- sqlite\nb BIGINT, -- postgres\nc\n")
    assert migration.sql("sqlite").split() == ["a", "INT,", "c"]
    assert migration.sql("postgres").split() == ["b", "BIGINT,", "c"]


async def test_what_came_in_is_there_as_it_was(blank_database_url: str) -> None:
    """Its table is made anew on SQLite, without an index."""
    database = await connect(blank_database_url)
    columns = "id, tenant_id, uuid, connection_id, event_key, headers, body, state, reason"

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 'a', 'A', 0)")
        await tx.run(
            "INSERT INTO connections (id, tenant_id, uuid, system, name, secrets, created_at)"
            " VALUES (5, 1, 'c', 'zapier', 'Zapier', '', 0)"
        )
        for number, (state, body) in enumerate({"waiting": b"{}", "read": None}.items(), start=7):
            await tx.run(
                f"INSERT INTO inbox ({columns}, received_at, is_sanitized) VALUES (:id, 1, :uuid,"
                " 5, :uuid, '{}', :body, :state, NULL, :id, 1)",
                id=number,
                uuid=f"m{number}",
                body=body,
                state=state,
            )

    async def rows() -> list[tuple[object, ...]]:
        sql = f"SELECT {columns}, received_at, is_sanitized FROM inbox ORDER BY id"
        return [tuple(row) for row in await database.read(lambda tx: tx.all(sql))]

    try:
        former = [one for one in migrate.known() if one.version < 17]
        for one in former:
            await migrate._apply(database, one, utc_now())
        await database.write(fill)
        before = await rows()
        await migrate.apply_all(database, utc_now())
        assert await rows() == before
        assert [row[0] for row in before] == [7, 8]
    finally:
        await database.close()


HELD = {
    "opted in": (1_000, None, "granted", (1_000, None)),
    "opted out": (None, 2_000, "withdrawn", (None, 2_000)),
    "in, then out": (1_000, 2_000, "withdrawn", (1_000, 2_000)),
    "both at once": (1_000, 1_000, "withdrawn", (1_000, 1_000)),
    "out, then in": (2_000, 1_000, "granted", (2_000, None)),
    "neither": (None, None, None, (None, None)),
}
"""Before the ledger: in and out; after it: the state, in and out."""


@pytest.mark.row("S10", "T10.2")
@pytest.mark.parametrize("rows_at_once", [backfill.CONSENT_ROWS, 2])
async def test_consent_from_before_the_ledger(
    blank_database_url: str, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """The ledger gives again what the contacts carried, marked as unproven."""
    monkeypatch.setattr(backfill, "CONSENT_ROWS", rows_at_once)
    database = await connect(blank_database_url)
    ids = {name: new_id() for name in HELD}

    async def fill(tx: Tx) -> None:
        for tenant_id in (1, 2):
            await tx.run(
                "INSERT INTO tenants (id, uuid, name, created_at) VALUES (:id, :uuid, 'Old', 0)",
                id=tenant_id,
                uuid=f"tenant {tenant_id}",
            )
            for name, (opted_in, opted_out, _, _) in HELD.items():
                await tx.run(
                    "INSERT INTO contacts (tenant_id, uuid, phone, source, opted_in_at,"
                    " opted_out_at, created_at, updated_at) VALUES (:tenant_id, :uuid,"
                    " '+14155550101', 'api', :opted_in, :opted_out, 0, 1500)",
                    tenant_id=tenant_id,
                    uuid=ids[name],
                    opted_in=opted_in,
                    opted_out=opted_out,
                )

    try:
        for migration in migrate.known()[:3]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now())
        for name, (_, _, state, shown) in HELD.items():
            rows = await database.read(
                lambda tx, name=name: consent.of_contact(tx, tenant_id=2, contact_uuid=ids[name])  # type: ignore[misc]
            )
            found = [row and to_us(row) for row in projection(rows)]
            assert found == list(shown), name
            row = in_force(rows)
            assert (row.state if row else None) == state, name
            for row in rows:
                assert (row.source, row.method, row.evidence) == ("import", "platform", None)
                assert (row.address, row.note) == ("+14155550101", backfill.CONSENT_NOTE)
                assert ids_of.parse(row.id) == row.id
            [(opted_in, opted_out, kept)] = await database.read(
                lambda tx, name=name: tx.all(  # type: ignore[misc]
                    "SELECT c.opted_in_at, c.opted_out_at, s.state FROM contacts c"
                    " LEFT JOIN consent_states s ON s.tenant_id = c.tenant_id"
                    " AND s.contact_id = c.id WHERE c.tenant_id = 2 AND c.uuid = :uuid",
                    uuid=ids[name],
                )
            )
            assert ((opted_in, opted_out), kept) == (shown, state), name
    finally:
        await database.close()


@pytest.mark.row("S10")
async def test_names_of_merges_that_still_are_get_their_origin(blank_database_url: str) -> None:
    database = await connect(blank_database_url)
    journal = {"merged": {"identities": [["phone", "+1", 0, "given"], ["phone", "+2", 0, "given"]]}}

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'Old', 0)")
        for uuid in ("kept", "other"):
            await tx.run(
                "INSERT INTO contacts (tenant_id, uuid, source, created_at, updated_at)"
                " VALUES (1, :uuid, 'api', 0, 0)",
                uuid=uuid,
            )
        for value, uuid in (("+1", "kept"), ("+2", "other"), ("+3", "kept")):
            await tx.run(
                "INSERT INTO identities (tenant_id, kind, value, contact_id, created_at)"
                " SELECT 1, 'phone', :value, c.id, 0 FROM contacts c WHERE c.uuid = :uuid",
                value=value,
                uuid=uuid,
            )
        for uuid, before in (("m1", None), ("m2", json.dumps(journal))):
            await tx.run(
                "INSERT INTO merges (tenant_id, uuid, from_uuid, into_uuid, at, before_json)"
                " VALUES (1, :uuid, 'gone', 'kept', 0, :before)",
                uuid=uuid,
                before=before,
            )

    try:
        for migration in migrate.known()[:18]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now())
        found = await database.read(
            lambda tx: tx.all("SELECT value, origin_uuid FROM identities ORDER BY value")
        )
        assert [tuple(row) for row in found] == [("+1", "gone"), ("+2", None), ("+3", None)]
    finally:
        await database.close()


@pytest.mark.row("S10")
async def test_who_changed_before_there_was_a_log_of_changes_is_listed(
    blank_database_url: str,
) -> None:
    database = await connect(blank_database_url)
    made_at = datetime(2026, 5, 7, 8, 0, tzinfo=UTC)
    hour = timedelta(hours=1)

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'Old', 0)")
        for number, changed_at in enumerate((made_at, made_at + hour, made_at + 2 * hour)):
            await tx.run(
                "INSERT INTO contacts (tenant_id, uuid, source, created_at, updated_at)"
                " VALUES (1, :uuid, 'api', :at, :changed_at)",
                uuid=id_of(made_at, number),
                at=to_us(made_at),
                changed_at=to_us(changed_at),
            )

    async def listed(after: datetime) -> list[str]:
        found = await database.scan(
            lambda tx: contact_lists.in_order(
                tx, tenant_id=1, filters=Filters(updated_after=after), after=None, rows_max=50
            )
        )
        return [uuid for _, uuid in found]

    try:
        for migration in migrate.known()[:20]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now())
        assert await listed(made_at - hour) == [id_of(made_at, number) for number in range(3)]
        assert await listed(made_at + hour / 2) == [id_of(made_at, number) for number in (1, 2)]
        assert await listed(made_at + hour) == [id_of(made_at, 2)]
    finally:
        await database.close()


@pytest.mark.row("S10", "T18.1")
async def test_answers_kept_before_go_on_and_go_with_either(blank_database_url: str) -> None:
    """From 0023 on: what tells about two contacts names both, and no key of an erasure is there."""
    database = await connect(blank_database_url)
    dry = {"merge_id": None, "merged_id": "gone", "contact": {"id": "kept"}}
    both = {"contact": {"id": "gone"}, "survivor": {"id": "kept"}}
    answers = {
        ("merge-contacts", "dry"): (dry, "kept", "gone"),
        ("merge-contacts", "done"): ({**dry, "merge_id": "m"}, "kept", None),
        ("merge-contacts", "erased"): ({**dry, "merged_id": "who"}, "kept", None),
        ("unmerge-contacts", "undone"): (both, "gone", "kept"),
        ("add-tag", "tag"): ({"id": "kept", "merged_id": "gone"}, "kept", None),
        ("delete-contact", "del+14155550123"): ({"id": "x", "deleted": True}, None, None),
    }

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'Old', 0)")
        for uuid in ("gone", "kept"):
            await tx.run(
                "INSERT INTO contacts (tenant_id, uuid, source, created_at, updated_at)"
                " VALUES (1, :uuid, 'api', 0, 0)",
                uuid=uuid,
            )
        for (action, key), (answer, uuid, _) in answers.items():
            await tx.run(
                "INSERT INTO idempotency_keys (tenant_id, action, key, body_digest, status, answer,"
                " etag, contact_uuid, created_at) VALUES (1, :action, :key, 'd', 201, :answer,"
                " '\"e\"', :uuid, 7)",
                action=action,
                key=key,
                answer=json.dumps(answer),
                uuid=uuid,
            )

    try:
        for migration in migrate.known()[:22]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now(), secret_key="secret")
        found = await database.read(
            lambda tx: tx.all(
                "SELECT action, key, body_digest, status, answer, etag, contact_uuid, other_uuid,"
                " created_at FROM idempotency_keys"
            )
        )
        hidden = digest(b"del+14155550123", secret_key="secret")
        assert {tuple(row) for row in found} == {
            (action, key if action != "delete-contact" else hidden, "d", 201, json.dumps(answer),
             '"e"', uuid, other, 7)
            for (action, key), (answer, uuid, other) in answers.items()
        }  # fmt: skip
        for uuid in ("gone", "kept"):
            await database.write(
                lambda tx, uuid=uuid: tx.run(  # type: ignore[misc]
                    "DELETE FROM contacts WHERE tenant_id = 1 AND uuid = :uuid", uuid=uuid
                )
            )
            left = await database.read(lambda tx: tx.all("SELECT key FROM idempotency_keys"))
            assert {row[0] for row in left}.isdisjoint({"dry", "undone"})
        assert [row[0] for row in left] == [hidden]
    finally:
        await database.close()


@pytest.mark.row("S10")
async def test_a_number_that_a_message_made_unavailable_knows_why(blank_database_url: str) -> None:
    database = await connect(blank_database_url)

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'Old', 0)")
        await tx.run(
            "INSERT INTO contacts (tenant_id, uuid, source, created_at, updated_at)"
            " VALUES (1, 'c', 'api', 0, 0)"
        )
        for number_id, since in (("failed", 7), ("restricted", 7), ("working", None)):
            await tx.run(
                "INSERT INTO business_numbers (tenant_id, number_id, unavailable_since, created_at)"
                " VALUES (1, :number_id, :since, 0)",
                number_id=number_id,
                since=since,
            )
        for number_id, code in (("failed", 131042), ("failed", 131047), ("restricted", 131026)):
            await tx.run(
                "INSERT INTO messages (tenant_id, uuid, contact_id, origin_uuid, number_id,"
                " direction, type, status, failed_at, error_code, at, created_at)"
                " SELECT 1, :uuid, c.id, 'c', :number_id, 'outbound', 'text', 'failed', 7, :code,"
                " 0, 0 FROM contacts c",
                uuid=f"{number_id} {code}",
                number_id=number_id,
                code=code,
            )

    try:
        for migration in migrate.known()[:23]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now())
        found = await database.read(
            lambda tx: tx.all(
                "SELECT number_id, unavailable_code, unavailable_since, restricted_since"
                " FROM business_numbers ORDER BY number_id"
            )
        )
        told = [tuple(row) for row in found]
        assert told == [
            ("failed", 131042, 7, None),
            ("restricted", None, None, 7),
            ("working", None, None, None),
        ]
    finally:
        await database.close()


@pytest.mark.row("S10")
async def test_the_ledger_from_before_tells_which_rows_were_events(blank_database_url: str) -> None:
    """Of each contact: who said what at which hour, in the order in which it was recorded."""
    database = await connect(blank_database_url)
    api, own, file, meta = (
        ("api", "checkbox"), ("inbound", "keyword"), ("import", "note"), ("meta", "platform")
    )  # fmt: skip
    histories = [
        [("granted", api, 1, True), ("withdrawn", api, 2, True), ("granted", api, 3, False)],
        [("granted", own, 5, True), ("withdrawn", api, 1, False), ("withdrawn", own, 6, True)],
        [("withdrawn", own, 1, True), ("granted", api, 2, False), ("granted", own, 3, True)],
        [("granted", api, 5, True), ("withdrawn", api, 1, True), ("withdrawn", own, 6, False)],
        [("granted", file, 1, False), ("withdrawn", file, 2, False), ("granted", own, 3, True)],
        [("withdrawn", meta, 1, True), ("granted", meta, 2, False), ("pending", api, 3, False)],
    ]
    rows = [
        (id_of(datetime(2026, 5, 7, tzinfo=UTC), 10 * who + number), f"contact {who}", *row)
        for who, history in enumerate(histories)
        for number, row in enumerate(history)
    ]

    async def fill(tx: Tx) -> None:
        await tx.run("INSERT INTO tenants (id, uuid, name, created_at) VALUES (1, 't', 'Old', 0)")
        for number, (uuid, whose, state, (source, method), hour, _) in enumerate(rows):
            await tx.run(
                "INSERT INTO consent_records (tenant_id, uuid, contact_uuid, origin_contact_uuid,"
                " channel, purpose, state, occurred_at, recorded_at, source, method, address)"
                " VALUES (1, :uuid, :whose, :whose, 'whatsapp', 'marketing', :state, :hour, :at,"
                " :source, :method, '+14155550101')",
                uuid=uuid,
                whose=whose,
                state=state,
                hour=hour,
                at=100 + number,
                source=source,
                method=method,
            )

    try:
        for migration in migrate.known()[:24]:
            assert await migrate._apply(database, migration, utc_now())
        await database.write(fill)
        assert await migrate.apply_all(database, utc_now())
        found = await database.read(
            lambda tx: tx.all("SELECT uuid, is_event FROM consent_records ORDER BY uuid")
        )
        assert [(uuid, bool(is_event)) for uuid, is_event in found] == [
            (row[0], row[-1]) for row in rows
        ]
    finally:
        await database.close()
