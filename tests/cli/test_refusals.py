"""What is refused leaves one clear sentence, the right exit status, and no traceback."""

import socket
from pathlib import Path

import pytest

from kith import wiring
from kith.settings import Settings
from tests.cli.kith import Kith
from tests.serving import serving

ANA = ("--email", "ana@example.com")
MADE = ("--workspace", "Acme", *ANA)
STARTS = [
    ("serve", "--port", "0"),
    ("demo", "--contacts", "0"),
    ("migrate",),
]

WRONG_USAGE = [
    ((), "Usage: kith"),
    (("init", *ANA), "--workspace"),
    (("init", "--workspace", "Acme Co."), "--email"),
    (("token", "create"), "--email"),
    (("token", "create", *ANA, "--scope", "root"), "'root' is not one of"),
    (("token", "create", *ANA, "--expires-in-days", "0"), "0 is not in the range"),
    (("token", "create", *ANA, "--rate-limit", "-1"), "-1 is not in the range"),
    (("token", "revoke", "first"), "'first' is not a valid integer"),
    (("token", "revoke", "9223372036854775808"), "is not in the range"),
    (("user", "create", *ANA), "--workspace"),
    (("demo", "--contacts", "8000000"), "8000000 is not in the range 0<=x<=7999999"),
    (("demo", "--contacts", "-1"), "-1 is not in the range"),
    (("fly",), "No such command 'fly'"),
    (("token", "list", "--workspace", "\udcff"), "UTF-8"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG_USAGE, ids=repr)
def test_wrong_usage(arguments: tuple[str, ...], text: str, tmp_path: Path) -> None:
    refused = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")(*arguments)
    assert (refused.status, refused.out) == (2, "")
    assert text in refused.err
    assert "Traceback" not in refused.err
    assert list(tmp_path.iterdir()) == []


REFUSED = [
    (("init", "--workspace", " ", *ANA), "The workspace needs a name."),
    (("init", "--workspace", "A\x07B", *ANA), "The workspace may not contain control characters"),
    (("init", "--workspace", "Acme", *ANA, "--name", "A\x07"), "The name may not contain control"),
    (("token", "create", *ANA), "There is no user ana@example.com."),
    (("token", "create", *ANA, "--workspace", "Acme"), "There is no workspace Acme."),
    (("token", "list", "--workspace", "\x1b[2J"), r"There is no workspace \x1b[2J."),
    (("token", "revoke", "1"), "There is no token 1; `kith token list` shows them."),
    (("user", "create", *ANA, "--workspace", "Acme"), "There is no workspace Acme."),
    (("user", "list", "--workspace", "Acme"), "There is no workspace Acme."),
    (("user", "revoke", "ben@example.com"), "There is no user ben@example.com."),
]


@pytest.mark.row("T9.3")
@pytest.mark.parametrize(("arguments", "text"), REFUSED, ids=repr)
def test_refused(arguments: tuple[str, ...], text: str, sqlite_url: str) -> None:
    refused = Kith(database_url=sqlite_url)(*arguments)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(f"kith: {text}")
    assert refused.err.count("\n") == 1


@pytest.mark.row("S1")
@pytest.mark.parametrize("arguments", STARTS, ids=" ".join)
def test_an_old_sqlite_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")
    refused = kith.process(
        *arguments, before="import apsw; apsw.sqlite_lib_version = lambda: '3.51.2'"
    )
    assert (refused.status, refused.out) == (78, "")
    assert refused.err == "kith: SQLite 3.51.2 can corrupt data; Kith needs 3.51.3 or newer.\n"
    assert not (tmp_path / "kith.db").exists()


@pytest.mark.row("S2")
def test_a_second_server_on_the_file_is_refused_and_commands_are_not(tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")
    with serving(tmp_path / "log", **kith.settings):
        second = kith.process("serve", "--port", "0")
        assert (second.status, second.out) == (78, "")
        path = tmp_path / "kith.db"
        assert second.err == f"kith: Another Kith server is using {path}; stop it first.\n"
        assert kith("token", "list", "--json").json == []


@pytest.mark.row("S10")
async def test_a_newer_database_is_refused(kith: Kith, database_url: str) -> None:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        await runner.database.write(
            lambda tx: tx.run("INSERT INTO schema_migrations VALUES (9999, 'from_tomorrow', 0)")
        )
    for arguments in STARTS:
        refused = kith.process(*arguments)
        assert (refused.status, refused.out) == (78, "")
        assert refused.err.startswith("kith: The database is at schema 9999, newer than this Kith")
        assert refused.err.count("\n") == 1
    checked = kith("check")
    assert (checked.status, checked.err) == (1, "")
    assert "FAILED  schema: version 9999, newer than this Kith knows" in checked.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "list"),
        ("connect", "list"),
        ("contact", "create", "--phone", "+14155550123"),
        ("user", "revoke", "ana@example.com"),
        ("import", __file__),
        ("export",),
        ("export", "everybody.csv"),
    ],
    ids=" ".join,
)
def test_no_database_is_made_by_the_way(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is in the wrong folder."""
    monkeypatch.chdir(tmp_path)
    refused = Kith()(*arguments)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == (
        f"kith: There is no database {tmp_path / 'kith.db'}. Say in KITH_DATABASE_URL where yours"
        " is, or make one with `kith init`.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("migrate",), ("demo", "--contacts", "0"), ("init", *MADE)])
def test_what_may_make_a_database(arguments: tuple[str, ...], tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")
    assert kith(*arguments).status == 0
    assert kith("token", "list").status == 0


WRONG_SETTINGS = [
    ("rate_limit_per_minute", "abc"),
    ("trusted_proxies", "nowhere"),
    ("allowed_networks", "10.0.0.1/8"),
    ("database_url", "mysql://localhost/kith"),
    ("database_url", "sqlite:////nowhere/at/all/kith.db"),
    ("database_url", "postgresql://kith:hunter2@127.0.0.1:1/kith"),
]


@pytest.mark.parametrize(("name", "value"), WRONG_SETTINGS)
def test_a_wrong_setting_stops_the_start(name: str, value: str, tmp_path: Path) -> None:
    given = {"database_url": f"sqlite:///{tmp_path}/kith.db", name: value}
    refused = Kith(**given).process("serve", "--port", "0")
    assert (refused.status, refused.out) == (78, "")
    assert refused.err.count("\n") == 1
    assert "hunter2" not in refused.err
    if name != "database_url":
        assert refused.err.startswith(f"kith: KITH_{name.upper()} ")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kith.db").write_text("Dear diary, " * 100)
    refused = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("token", "list")
    assert (refused.status, refused.out) == (78, "")
    assert "cannot be opened" in refused.err
    assert refused.err.count("\n") == 1


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db", port=port)
        refused = kith.process("serve")
    assert (refused.status, refused.out) == (78, "")
    assert refused.err == (
        f"kith: 127.0.0.1:{port} cannot be listened on: Address already in use. Choose another with"
        " --port or KITH_PORT.\n"
    )


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "a" * 70, "fe80::zz"])
def test_a_host_that_is_not_here_is_refused(host: str, tmp_path: Path) -> None:
    kith = Kith(database_url=f"sqlite:///{tmp_path}/kith.db", host=host)
    refused = kith.process("serve", "--port", "0")
    assert (refused.status, refused.out) == (78, "")
    assert refused.err == (
        f"kith: {host} is no address of this machine to listen on: give one with --host or"
        " KITH_HOST, such as 127.0.0.1.\n"
    )
