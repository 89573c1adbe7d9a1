"""`kith audit`: who changed what, for people and for programs."""

from uuid import uuid4

import pytest

from kith import wiring
from kith.settings import Settings
from tests.cast import Bed
from tests.cli.kith import Kith

PHONE = ("--phone", "+14155550123")
OTHER = ("--phone", "+14155550199")
HOSTILE = "\x1b]0;owned\x07\r\nfake line\u009b2J\u202e"


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace, and Ana its only user."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


def test_for_people(acme: Kith) -> None:
    ana = ("--user", "ana@example.com")
    acme("contact", "create", *PHONE, "--name", "Romain", "--metadata", '{"a": 1}')
    acme("contact", "update", *PHONE, "--name", "", "--metadata", '{"b": []}', *ana)
    acme("contact", "update", *PHONE, "--metadata", '{"b": []}')
    acme("contact", "create", *OTHER, *ana)
    entries = acme("audit", "--json").json["entries"]
    other, one = entries[0]["contact_id"], entries[1]["contact_id"]
    assert one != other
    at = [entry["at"] for entry in entries]
    headings = "AT".ljust(27) + "WHAT".ljust(17) + "CONTACT".ljust(38) + "WHO".ljust(17) + "CHANGED"
    shown = acme("audit")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        headings,
        f"{at[0]}  contact.created  {other}  ana@example.com  phone, source",
        f"{at[1]}  contact.updated  {one}  ana@example.com  name, metadata",
        f"{at[2]}  contact.created  {one}  operator         phone, name, source, metadata",
    ]
    acme("contact", "delete", *PHONE, "--yes")
    erased, updated, created = acme("audit", "--contact", one.upper()).out.splitlines()[1:]
    assert erased.split() == [erased.split()[0], "contact.erased", one, "operator", "-"]
    assert updated.split()[1:] == ["contact.updated", one, "ana@example.com", "-"]
    assert created.split()[1:] == ["contact.created", one, "operator", "-"]


def test_the_newest_come_first_and_not_all_at_once(acme: Kith) -> None:
    for name in ("A", "B", "C"):
        acme("contact", "create", *PHONE, "--name", name)
    everything = acme("audit", "--json").json
    assert everything["next_cursor"] is None
    assert [entry["after"]["name"] for entry in everything["entries"]] == ["C", "B", "A"]
    two = acme("audit", "--limit", "2", "--json").json
    assert two == {
        "entries": everything["entries"][:2],
        "next_cursor": everything["entries"][1]["id"],
    }
    shown = acme("audit", "--limit", "2").out.splitlines()
    assert len(shown) == 5
    assert shown[3:] == ["", f"Older ones: --cursor {two['next_cursor']}"]
    oldest = acme("audit", "--cursor", two["next_cursor"], "--json").json
    assert (len(oldest["entries"]), oldest["next_cursor"]) == (1, None)
    assert len(acme("audit", "--limit", "3").out.splitlines()) == 4


def test_nothing_to_show(acme: Kith) -> None:
    assert acme("audit").out == (
        "Nothing has changed yet. Make a contact with: kith contact create --phone ...\n"
    )
    assert acme("audit", "--json").out == '{"entries":[],"next_cursor":null}\n'
    assert acme("audit", "--contact", str(uuid4())).out == (
        "Nothing is known of that contact. `kith audit` shows the changes of all.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--limit", "0"), 2, "0 is not in the range 1<=x<=500."),
        (("--limit", "501"), 2, "501 is not in the range 1<=x<=500."),
        (("--contact", "romain"), 1, "The contact id must be a valid UUID."),
        ((), 1, "There is no workspace yet. Make one with: kith init --workspace"),
        (("--workspace", "Acme"), 1, "There is no workspace Acme."),
    ],
    ids=repr,
)
def test_refused(arguments: tuple[str, ...], status: int, text: str, sqlite_url: str) -> None:
    refused = Kith(database_url=sqlite_url)("audit", *arguments)
    assert (refused.status, refused.out) == (status, "")
    assert text in refused.err.splitlines()[-1]


@pytest.mark.row("T1.1")
def test_another_workspace_s_log_is_never_shown(acme: Kith) -> None:
    anas = acme("contact", "create", *PHONE, "--json").json["id"]
    acme("init", "--workspace", "Other", "--email", "mallory@example.com")
    assert acme("audit").err == (
        "kith: There are several workspaces, as `kith user list` shows; name one with"
        " --workspace.\n"
    )
    other = ("--workspace", "Other")
    assert acme("audit", *other).out.startswith("Nothing has changed yet.")
    assert acme("audit", "--contact", anas, *other).out.startswith("Nothing is known of that")
    assert len(acme("audit", "--workspace", "Acme Co.", "--json").json["entries"]) == 1


@pytest.mark.row("T9.3")
async def test_an_address_cannot_command_a_terminal(acme: Kith, database_url: str) -> None:
    acme("contact", "create", *PHONE, "--user", "ana@example.com")
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        await runner.database.write(
            lambda tx: tx.run("UPDATE users SET email = :email", email=HOSTILE)
        )
    shown = acme("audit").out
    assert len(shown.splitlines()) == 2
    assert r"\x1b]0;owned\x07\x0d\x0afake line\x9b2J\x202e" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
    document = acme("audit", "--json")
    assert document.json["entries"][0]["user"]["email"] == HOSTILE
    assert document.out.removesuffix("\n").isprintable()


async def test_beside_a_server_both_doors_say_the_same(bed: Bed, beside: Kith) -> None:
    ana = await bed.owner("Ana", scope="admin")
    assert ana.workspace is not None
    at = ("--workspace", ana.workspace.id)
    made = ana.create_contact(phone="+14155550123", name="Romain", metadata={"a": 1.5}).json()
    ana.post("add-tag", {"contact_id": made["id"], "tag": "vip"})
    beside("contact", "update", *PHONE, "--name", "Rom", *at)
    for arguments, body in [
        ((), {"limit": 50}),
        (("--contact", made["id"]), {"contact_id": made["id"]}),
        (("--limit", "1"), {"limit": 1}),
    ]:
        shown = beside("audit", *arguments, *at, "--json")
        assert shown.out == ana.post("list-audit", body).text + "\n", arguments
    rows = [line.split("  ") for line in beside("audit", *at).out.splitlines()[1:]]
    who = f"{ana.user.email}, token {ana.token_id}"
    assert [[cell.strip() for cell in row if cell][1:] for row in rows] == [
        ["contact.updated", made["id"], "operator", "name"],
        ["contact.tagged", made["id"], who, "tags"],
        ["contact.created", made["id"], who, "phone, name, source, metadata"],
    ]
