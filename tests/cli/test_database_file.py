"""A database whose file may not be read by others, not be written by Kith, or is damaged."""

import os
from pathlib import Path

import apsw
import pytest

from kith.cli.common import sentence
from kith.errors import Unavailable
from kith.store.database import connect
from kith.store.sqlite import SQLite
from tests.cli.kith import Kith
from tests.cli.modes import BY_MODES, mode
from tests.serving import serving


def test_a_database_is_made_for_its_owner_s_eyes(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        with serving(tmp_path / "log", database_url=f"sqlite:///{tmp_path}/kith.db"):
            modes = {one.name: mode(one) for one in tmp_path.glob("kith.db*")}
            assert modes == dict.fromkeys(
                ("kith.db", "kith.db-wal", "kith.db-shm", "kith.db.lock"), 0o600
            )
        (tmp_path / "kith.db").chmod(0o640)
        assert Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("check").status == 0
        assert mode(tmp_path / "kith.db") == 0o640, "one that is there stays as it is"
    finally:
        os.umask(umask)


@pytest.mark.parametrize("command", ["serve", "contact search x"])
def test_a_database_that_may_not_be_written(sqlite_url: str, tmp_path: Path, command: str) -> None:
    own = Kith(database_url=sqlite_url)
    (tmp_path / "kith.db").chmod(0o444)
    text = f"The database {tmp_path}/kith.db may not be written: give it to Kith's user."
    stopped = own.process(*command.split(), before=BY_MODES)
    assert (stopped.status, stopped.out, stopped.err) == (78, "", f"kith: {text}\n")
    checked = own.process("check", before=BY_MODES)
    assert (checked.status, f"FAILED  database: {text}\n" in checked.out) == (1, True)


async def test_a_database_that_may_not_be_written_any_more(sqlite_url: str) -> None:
    """As after its disk was mounted anew; SQLite itself refuses alike."""
    database = await connect(sqlite_url)
    assert isinstance(database, SQLite)
    try:
        database.writing_connection.pragma("query_only", 1)
        with pytest.raises(Unavailable) as refused:
            await database.write(lambda tx: tx.run("UPDATE tenants SET name = name"))
        told = "The database may not be written: look whose the file is."
        assert sentence(refused.value) == told
        assert refused.value.text == "Service Unavailable"
    finally:
        await database.close()


def test_a_database_that_is_damaged(sqlite_url: str) -> None:
    kith = Kith(database_url=sqlite_url)
    path = sqlite_url.removeprefix("sqlite:///")
    assert kith("init", "--workspace", "Acme", "--email", "a@b.example").status == 0
    assert kith("contact", "create", "--phone", "+14155550123").status == 0
    file = apsw.Connection(path)
    [(page,)] = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'contacts'")
    size = file.pragma("page_size")
    file.close()
    with open(path, "r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(b"\xa5" * size)
    for command in (("create", "--phone", "+14155550124"), ("get", "--phone", "+14155550123")):
        told = kith("contact", *command)
        assert told.status == 1
        assert told.err.endswith(
            "kith: The database is damaged: stop Kith and restore a backup.\n"
        ), told.err
