"""How SQLite finds rows, where the wrong way would read a whole workspace."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from kith.actions.run import utc_now
from kith.store import audit, bulk, contact_documents, migrate, reachability
from kith.store.sqlite import SQLite


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[apsw.Connection]:
    """As the writer's: the planner's facts are read when a connection is opened."""
    path = str(tmp_path / "kith.db")
    database = SQLite(path)
    await migrate.apply_all(database, utc_now())
    await database.close()
    opened = apsw.Connection(path)
    yield opened
    opened.close()


def tables(connection: apsw.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name for (name,) in found]


def plan(connection: apsw.Connection, sql: str) -> str:
    return "\n".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))


def foreign_keys(connection: apsw.Connection) -> list[tuple[str, tuple[str, ...]]]:
    """Child tables and their columns."""
    found = []
    for table in tables(connection):
        keys: dict[int, list[str]] = defaultdict(list)
        for number, _, _, column, *_ in connection.execute(f"PRAGMA foreign_key_list({table})"):
            keys[number].append(column)
        found += [(table, tuple(columns)) for columns in keys.values()]
    return found


async def test_what_hangs_on_a_contact_is_found_by_the_contact(
    connection: apsw.Connection,
) -> None:
    """Nobody writes the statements with which SQLite follows a foreign key, so no hint helps."""
    keys = [key for key in foreign_keys(connection) if "tenant_id" in key[1] and len(key[1]) > 1]
    assert ("identities", ("tenant_id", "contact_id")) in keys
    for table, columns in keys:
        if {"contact_id", "contact_uuid"} & set(columns):
            where = " AND ".join(f"{column} = 1" for column in columns)
            shown = plan(connection, f"DELETE FROM {table} WHERE {where}")
            assert all(f"{column}=?" in shown for column in columns), shown


async def test_records_of_one_contact_are_found_by_it(connection: apsw.Connection) -> None:
    where = "WHERE tenant_id = 1 AND contact_uuid = 'x'"
    for sql in (
        f"UPDATE consent_records SET tenant_id = 1 {where}",
        f"SELECT * FROM consent_records {where}",
    ):
        assert "contact_uuid=?" in plan(connection, sql)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (audit._BLANK_MADE["sqlite"], "PRIMARY KEY (tenant_id=? AND uuid=?)"),
        (audit._BLANK_CHANGED["sqlite"], "audit_log_by_contact (tenant_id=? AND contact_uuid=?)"),
    ],
)
async def test_entries_of_many_contacts_are_found_by_them(
    connection: apsw.Connection, sql: str, found: str
) -> None:
    explained = f"EXPLAIN QUERY PLAN {sql}"
    first, *_ = connection.execute(explained, {"tenant_id": 1, "uuids": "[]"})
    assert found in str(first[3])


@pytest.mark.parametrize(
    "sql",
    [
        audit._NEWEST_OF["sqlite"],
        audit._OF_IMPORT_AND_CONTACT["sqlite"],
        audit._BY_SYSTEM["sqlite"],
        audit._BLANK_BETWEEN,
    ],
)
async def test_entries_of_one_contact_are_found_by_it(
    connection: apsw.Connection, sql: str
) -> None:
    """The one that made it by the contact's id, which is its own, and all others by the index."""
    names = (
        "tenant_id", "contact_uuid", "before_uuid", "after_uuid", "mark", "system",
        "since", "until", "entries_max",
    )  # fmt: skip
    explained = f"EXPLAIN QUERY PLAN {sql}"
    shown = [str(row[3]) for row in connection.execute(explained, dict.fromkeys(names, 1))]
    made, changed = [line for line in shown if re.match("(SCAN|SEARCH) (audit_log|m|c) ", line)]
    assert "PRIMARY KEY (tenant_id=? AND uuid=?)" in made
    assert "audit_log_by_contact (tenant_id=? AND contact_uuid=?" in changed


@pytest.mark.parametrize("sql", [contact_documents._BY_SPELLING, reachability._OF_PHONE])
async def test_get_contact_goes_from_the_number_to_the_contact(
    connection: apsw.Connection, sql: str
) -> None:
    names = ("tenant_id", "workspace", "phone", "numbers_max", "number", "wa_id")
    given = dict.fromkeys((*names, "other_number", "other_wa_id"), 1)
    shown = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    assert "i USING PRIMARY KEY (tenant_id=? AND kind=? AND value=?)" in shown[0]
    assert "c USING INTEGER PRIMARY KEY (rowid=?)" in shown[1]
    assert not [line for line in shown if line.startswith("SCAN")]


async def test_new_contacts_find_each_of_their_tags_by_its_name(
    connection: apsw.Connection,
) -> None:
    """Once each contact's list was read anew for every tag of the workspace: with 2,000 of them an
    import took thirteen times as long."""
    given = {"tenant_id": 1, "newest": 0}
    sql = f"EXPLAIN QUERY PLAN {bulk._LINKS['sqlite']}"
    contacts, names, tags = [str(row[3]) for row in connection.execute(sql, given)]
    assert "(tenant_id=? AND id>?)" in contacts
    assert names.startswith("SCAN j")
    assert "(tenant_id=? AND name=?)" in tags
