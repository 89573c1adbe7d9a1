"""What commands print for a person."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kith import wiring
from kith.cli import main
from kith.cli.common import address, printable, sentence
from kith.errors import AppError, Invalid, TookTooLong, Unavailable
from kith.settings import Settings
from tests.cli.kith import Kith
from tests.serving import KITH, environment

WIDTH = 80


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below this one, by what is typed for it."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


COMMANDS = dict(commands(main.kith))
PLAIN = {("serve",), ("migrate",), ("check",), ("import", "file")}
"""Typed as they are named; `kith import` shows the examples of the last one."""
TOKEN = re.compile(r"kith_[0-9a-f]{72}")


def test_help_names_every_command_and_every_command_has_help() -> None:
    everything = Kith()("--help")
    assert (everything.status, everything.err) == (0, "")
    for name, *below in COMMANDS:
        assert below or f"\n  {name} " in everything.out
    assert Kith()("--version").out.startswith("kith, version ")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_list_of_commands_has_room_for_the_whole_summary(path: tuple[str, ...]) -> None:
    longest = max(len(other[-1]) for other in COMMANDS if other[:-1] == path[:-1])
    summary = COMMANDS[path].get_short_help_str(WIDTH - longest - 6)
    assert summary
    assert not summary.endswith("...")
    if len(path) == 1:
        assert summary == main.SUMMARIES[path[0]]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_of(path: tuple[str, ...]) -> None:
    shown = Kith()(*path, "-h")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: kith {' '.join(path)} ")
    command = COMMANDS[path]
    if command.params and path not in PLAIN and not isinstance(command, click.Group):
        assert f"kith {' '.join(path)}" in shown.out.partition("Example")[2]


def test_for_people(anew: Kith) -> None:
    made = anew("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    assert (made.status, made.err) == (0, "")
    [token] = set(TOKEN.findall(made.out))
    assert "kith serve" in made.out
    assert "curl http://127.0.0.1:8000/api/v1/me" in made.out

    other = anew("token", "create", "--email", "ana@example.com", "--expires-in-days", "30")
    assert len(TOKEN.findall(other.out)) == 1

    table = anew("token", "list")
    assert not TOKEN.findall(table.out)
    headings, newest, first = (re.split(" {2,}", line) for line in table.out.splitlines())
    assert headings == ["ID", "NAME", "BEGINS", "USER", "WORKSPACE", "MAY", "LAST USED", "STATE"]
    assert newest[:6] == ["2", "token", newest[2], "ana@example.com", "Acme Co.", "write"]
    assert first == [
        *("1", "init", token[:11], "ana@example.com", "Acme Co.", "admin"),
        *("-", "usable"),
    ]

    assert anew("user", "list").out.splitlines()[1].split()[:2] == ["1", "ana@example.com"]


def test_migrating_says_what_it_did(anew: Kith) -> None:
    applied = anew("migrate").out.splitlines()
    assert applied[0] == "Applied 0001_workspaces_and_contacts."
    assert applied[-1].startswith("The schema is now at version ")
    again = anew("migrate")
    assert (again.status, again.err) == (0, "")
    assert again.out.startswith("Nothing to do: ")
    assert anew("migrate", "--json").json["applied"] == []
    assert anew("token", "list").out.startswith("No tokens yet.")
    assert anew("user", "list").out.startswith("No users yet.")


HOSTILE = "\x1b]0;owned\x07\r\nfake line\u009b2J\u202e"


@pytest.mark.row("T9.3")
async def test_stored_names_cannot_command_a_terminal(kith: Kith, database_url: str) -> None:
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        for table in ("tenants", "users", "tokens"):
            await runner.database.write(
                lambda tx, table=table: tx.run(f"UPDATE {table} SET name = :name", name=HOSTILE)
            )
    for command in (("token", "list"), ("user", "list")):
        shown = kith(*command)
        assert shown.status == 0
        assert len(shown.out.splitlines()) == 2
        assert r"\x1b]0;owned\x07\x0d\x0afake line\x9b2J\x202e" in shown.out
        assert all(character.isprintable() or character == "\n" for character in shown.out)
        document = kith(*command, "--json")
        assert document.json[0]["name"] == HOSTILE
        assert document.out.removesuffix("\n").isprintable()


NAME = "Иван 😀"
FULL = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
NOBODY = "import os; r, w = os.pipe(); os.dup2(w, 1); os.close(r); os.close(w)"
# As a shell's `>&-`: what Python makes of that, too.
CLOSED = "import os, sys; os.close(1); sys.stdout = None"
LATIN = "import sys; [one.reconfigure(encoding='latin-1') for one in (sys.stdout, sys.stderr)]"
WHY = "kith: Standard output cannot be written: {}. What was done until then is saved.\n"
NO_SPACE = WHY.format("No space left on device")


@pytest.mark.parametrize("command", [("--help",), ("token", "list", "--json"), ("export",)])
@pytest.mark.parametrize(
    ("before", "told"),
    [(FULL, NO_SPACE), (NOBODY, ""), (CLOSED, WHY.format("it is closed"))],
    ids=["full", "pipe", "closed"],
)
def test_output_that_cannot_be_written(
    kith: Kith, command: tuple[str, ...], before: str, told: str
) -> None:
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    shown = kith.process(*command, before=before)
    assert (shown.status, shown.out, shown.err) == (74, "", told)


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_what_a_shell_closes_harms_nothing(kith: Kith, closed: str, tmp_path: Path) -> None:
    """Neither is a file of the database opened in its place, nor does a command fall over it."""
    done = subprocess.run(
        ["sh", "-c", f"exec {KITH} demo --contacts 10 {closed}"],
        env=environment(**kith.settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (74 if "1>&-" in closed else 0)
    assert done.stderr == (WHY.format("it is closed") if closed == "1>&-" else "")
    assert ("A token for it" in done.stdout) == (closed == "2>&-")
    whole = kith("export", str(tmp_path / "everybody.csv"))
    assert whole.err.startswith("11 contacts are in ")


def test_what_could_not_be_told_is_saved(kith: Kith) -> None:
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    who = ("--phone", "+14155550123")
    made = kith.process("contact", "create", *who, "--name", NAME, before=FULL)
    assert (made.status, made.err) == (74, NO_SPACE)
    assert kith("contact", "get", *who, "--json").json["name"] == NAME


def test_an_encoding_that_lacks_characters(kith: Kith) -> None:
    """A table for people has the escapes that JSON has, and JSON stays what it was."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    who = ("--phone", "+14155550123")
    made = kith.process("contact", "create", *who, "--name", NAME, before=LATIN)
    assert (made.status, made.err) == (0, "")
    assert r"\u0418\u0432\u0430\u043d \ud83d\ude00" in made.out
    assert kith.process("contact", "get", *who, "--json", before=LATIN).json["name"] == NAME
    refused = kith.process("contact", "get", *who, "--workspace", NAME, before=LATIN)
    assert (refused.status, refused.out) == (1, "")
    assert "Traceback" not in refused.err


def test_printable_keeps_every_script() -> None:
    assert printable("Łukasz 陽菜 أحمد") == "Łukasz 陽菜 أحمد"
    assert printable("a\tb\x7f") == r"a\x09b\x7f"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Invalid({"a": ["Give a or b."], "b": ["Give a or b.", "No."]}), "Give a or b. No."),
        (Unavailable(), "The database cannot be used just now. Try again."),
        (TookTooLong(), TookTooLong.text),
    ],
    ids=repr,
)
def test_a_refusal_is_told_once_and_says_what_to_do(error: AppError, told: str) -> None:
    assert sentence(error) == told


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000"),
        ("0.0.0.0", 9000, "http://127.0.0.1:9000"),
        ("::", 8000, "http://[::1]:8000"),
        ("kith.example", 0, "http://kith.example:8000"),
    ],
)
def test_address(host: str, port: int, url: str) -> None:
    assert address(Settings(host=host, port=port)) == url
