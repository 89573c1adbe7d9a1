"""What a dry run would have written: contacts and their names, in a file that nobody sees.

A file may name one person twice, and the second row must meet what the first would have made. The
database itself is not written, and the memory that this takes does not grow with the file.
"""

from collections.abc import Iterable

import apsw
import msgspec

from kith.domain import email, json
from kith.domain.contacts import Contact
from kith.domain.phone import Phone

CACHE_MB = 8
_SCHEMA = """
CREATE TABLE imagined_names (
    kind TEXT, value TEXT, uuid TEXT, PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE imagined_emails (key TEXT, uuid TEXT, PRIMARY KEY (key, uuid)) WITHOUT ROWID;
CREATE TABLE imagined (uuid TEXT PRIMARY KEY, document TEXT) WITHOUT ROWID;
"""


class Imagined:
    def __init__(self) -> None:
        self._connection = apsw.Connection("")  # SQLite removes it by itself
        self._connection.pragma("cache_size", -1024 * CACHE_MB)
        self._connection.pragma("synchronous", 0)
        self._connection.pragma("journal_mode", "off")
        self._connection.execute(_SCHEMA)

    def note(self, contacts: Iterable[Contact]) -> None:
        """They would be there now, by their phones and e-mail addresses too."""
        contacts = list(contacts)
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO imagined (uuid, document) VALUES (?, ?)",
                [(one.id, json.encode(one).decode()) for one in contacts],
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO imagined_emails (key, uuid) VALUES (?, ?)",
                [(email.key(one.email), one.id) for one in contacts if one.email],
            )
            self.call_them([("phone", one.phone, one.id) for one in contacts if one.phone])

    def call_them(self, names: Iterable[tuple[str, str, str]]) -> None:
        """Kind, value, contact."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO imagined_names (kind, value, uuid) VALUES (?, ?, ?)", names
        )

    def named(self, kind: str, values: Iterable[str]) -> dict[str, str]:
        """Who would have these names, by value."""
        rows = self._connection.execute(
            "SELECT i.value, i.uuid FROM json_each(?) j CROSS JOIN imagined_names i"
            " WHERE i.kind = ? AND i.value = j.value",
            (json.encode(list(values)).decode(), kind),
        )
        return {str(value): str(uuid) for value, uuid in rows}

    def at_address(self, key: str) -> list[str]:
        """Those who would have this e-mail address, and who had it; any number may share one."""
        rows = self._connection.execute("SELECT uuid FROM imagined_emails WHERE key = ?", (key,))
        return [str(uuid) for (uuid,) in rows]

    def contacts(self, uuids: Iterable[str]) -> dict[str, Contact]:
        """Those that the dry run would have made or changed, as they would be."""
        rows = self._connection.execute(
            "SELECT i.uuid, i.document FROM json_each(?) j CROSS JOIN imagined i"
            " WHERE i.uuid = j.value",
            (json.encode(list(uuids)).decode(),),
        )
        return {str(uuid): _contact(str(document)) for uuid, document in rows}

    def close(self) -> None:
        self._connection.close()


def _contact(document: str) -> Contact:
    one = msgspec.json.decode(document, type=Contact)
    return msgspec.structs.replace(one, phone=Phone(one.phone) if one.phone else None)
