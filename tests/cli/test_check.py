"""`kith check` says what is wrong, hides secrets and changes no data."""

from pathlib import Path

import pytest

from kith import wiring
from kith.cli.check import _shown
from kith.settings import Settings
from tests.cli.kith import Kith
from tests.digests import digest


def test_a_good_database(kith: Kith, engine: str) -> None:
    kith("migrate")
    good = kith("check", "--json").json
    assert good["ok"] is True
    assert [(one["name"], one["ok"]) for one in good["checks"]] == [
        ("versions", True),
        ("database", True),
        ("schema", True),
        ("integrity", True),
        ("key", True),
    ]
    assert good["settings"]["KITH_RATE_LIMIT_PER_MINUTE"] == 120
    shown = kith("check")
    assert (shown.status, shown.err) == (0, "")
    assert "KITH_RATE_LIMIT_PER_MINUTE=120\n" in shown.out
    integrity = {
        "sqlite": "no fault found\n",
        "postgres": "left to PostgreSQL, which checks its own pages; ",
    }
    assert f"ok      integrity: {integrity[engine]}" in shown.out


async def test_it_changes_no_data(kith: Kith, database_url: str) -> None:
    kith("demo", "--contacts", "10")
    digests = []
    for _ in range(2):
        async with wiring.opened(Settings(database_url=database_url)) as runner:
            digests.append(await runner.database.read(digest))
        assert kith("check").status == 0
    assert digests[0] == digests[1]


def test_an_empty_database_is_not_touched(tmp_path: Path) -> None:
    missing = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("check")
    assert (missing.status, missing.err) == (1, "")
    assert "FAILED  database: there is no file" in missing.out
    assert list(tmp_path.iterdir()) == []


def test_an_old_schema(tmp_path: Path) -> None:
    (tmp_path / "kith.db").touch()
    old = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("check")
    assert (old.status, old.err) == (1, "")
    assert "FAILED  schema: version 0 of " in old.out
    again = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("check")
    assert "FAILED  schema: version 0 of " in again.out, "a check migrates nothing"


@pytest.mark.row("S1")
def test_an_old_sqlite(tmp_path: Path) -> None:
    (tmp_path / "kith.db").touch()
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")
    old = kith.process("check", before="import apsw; apsw.sqlite_lib_version = lambda: '3.51.2'")
    assert (old.status, old.err) == (1, "")
    assert "FAILED  database: SQLite 3.51.2 can corrupt data" in old.out


def test_a_damaged_file(tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")
    kith("demo", "--contacts", "500")
    path = tmp_path / "kith.db"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    damaged = kith("check")
    assert (damaged.status, damaged.err) == (1, "")
    assert "FAILED  integrity: " in damaged.out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///./kith.db", "sqlite:///./kith.db"),
        ("postgresql://db.example/kith", "postgresql://db.example/kith"),
        ("postgresql://kith@db.example:5432/kith", "postgresql://kith@db.example:5432/kith"),
        ("postgresql://kith:hunter2@db.example/kith", "postgresql://kith:***@db.example/kith"),
        ("postgresql://kith:hun/t@r2@db.example/kith", "postgresql://kith:***@db.example/kith"),
        ("postgresql:///kith?user=a&password=hunter2", "postgresql:///kith?user=a&password=***"),
        ("postgresql:///kith?sslpassword=hunter2&a=b", "postgresql:///kith?sslpassword=***&a=b"),
    ],
)
def test_passwords_are_hidden(url: str, shown: str) -> None:
    assert _shown(Settings(database_url=url))["KITH_DATABASE_URL"] == shown
