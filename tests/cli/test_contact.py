"""`kith contact`: the actions of the API from the command line, for people and for programs."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from kith import wiring
from kith.api import takes
from kith.domain import demo
from kith.settings import Settings
from tests.cast import Bed, Person
from tests.cli.kith import Kith
from tests.serving import KITH, environment

PHONE = ("--phone", "+14155550123")
UNKNOWN = (
    "kith: There is no such contact; `kith contact search` finds people by part of a name, phone or"
    " e-mail address.\n"
)
HOSTILE = "\x1b]0;owned\x07\r\nfake line\u009b2J\u202e"


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace, and Ana its only user."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


@pytest.fixture
def romain(acme: Kith) -> dict[str, Any]:
    """What `create` answers for the example of the documents."""
    given = ("--name", "Romain", "--email", "romain@example.com", "--tags", "vip, fr-FR")
    metadata = '{"shopify_id": "12345", "lifetime_value": 8742.0}'
    made = acme("contact", "create", *PHONE, *given, "--metadata", metadata, "--json")
    answer: dict[str, Any] = made.json
    return answer


def refused(kith: Kith, *arguments: str) -> str:
    """The one sentence with which a command is refused."""
    result = kith("contact", *arguments)
    assert (result.status, result.out) == (1, "")
    assert result.err.count("\n") == 1
    return result.err


def test_a_contact_s_life_for_programs(acme: Kith, romain: dict[str, Any]) -> None:
    assert str(UUID(romain["id"])) == romain["id"]
    same = {"id": romain["id"], "phone": "+14155550123", "created_at": romain["created_at"]}
    assert romain == {
        **same,
        "name": "Romain",
        "email": "romain@example.com",
        "tags": ["vip", "fr-FR"],
    }
    whole = {
        **romain,
        "source": "manual",
        "locale": None,
        "metadata": {"shopify_id": "12345", "lifetime_value": 8742.0},
        "opted_in_at": None,
        "opted_out_at": None,
        "last_message_at": None,
        "total_messages": 0,
    }
    for key in (("--id", romain["id"]), PHONE, ("--email", "ROMAIN@example.com")):
        assert acme("contact", "get", *key, "--json").json == whole

    added = acme("contact", "create", "--phone", "1 415 555 0123", "--tags", "new", "--json").json
    assert added == {**romain, "tags": ["new", "vip", "fr-FR"]}

    changes = ("--name", "", "--tags", "", "--metadata", '{"shopify_id": null}')
    changed = acme("contact", "update", "--id", romain["id"], *changes, "--json").json
    emptied = {"name": None, "tags": [], "metadata": {"shopify_id": None, "lifetime_value": 8742.0}}
    keys = ("id", "phone", "name", "email", "tags")
    assert changed == {
        **{key: {**romain, **emptied}[key] for key in keys},
        "updated_at": changed["updated_at"],
    }
    assert acme("contact", "get", *PHONE, "--json").json == {**whole, **emptied}

    gone = acme("contact", "delete", *PHONE, "--yes", "--json").json
    assert gone == {"id": romain["id"], "deleted": True}
    for command in (("get",), ("update", "--name", "x"), ("delete", "--yes"), ("export",)):
        assert refused(acme, *command, *PHONE) == UNKNOWN


def test_a_contact_s_life_for_people(acme: Kith) -> None:
    saved = acme("contact", "create", *PHONE, "--name", "Romain", "--tags", "vip, fr-FR")
    one = acme("contact", "get", *PHONE, "--expand", "tags", "--json").json
    assert (saved.status, saved.err) == (0, "")
    assert (
        saved.out
        == f"""\
Saved. The contact is now:

id          {one["id"]}
phone       +14155550123
name        Romain
email       -
tags        vip, fr-FR
created at  {one["created_at"]}
"""
    )
    acme("contact", "update", *PHONE, "--metadata", '{"shopify_id": "12345"}')
    history = acme("contact", "get", *PHONE, "--expand", "history", "--json").json["history"]
    more = ("--expand", "history", "--expand", "tags", "--expand", "identities")
    fields = f"""\
id               {one["id"]}
phone            +14155550123
name             Romain
email            -
source           manual
locale           -
metadata         {{"shopify_id":"12345"}}
tags             vip, fr-FR
opted in at      -
opted out at     -
last message at  -
total messages   0
created at       {one["created_at"]}
"""
    assert acme("contact", "get", *PHONE).out == fields
    at, (vip, fr) = one["created_at"], one["tags"]
    assert (
        acme("contact", "get", *PHONE, *more).out
        == f"""\
{fields}
Tags:
TAG    ADDED                      ID
vip    {at}  {vip["id"]}
fr-FR  {at}  {fr["id"]}

Identities:
KIND   VALUE         CONFIDENCE  SINCE                      RETIRED
phone  +14155550123  given       {at}  -

History:
AT                         WHAT             WHO       CHANGED
{history[0]["at"]}  contact.updated  operator  metadata
{history[1]["at"]}  contact.created  operator  phone, name, source, tags
"""
    )
    cleared = acme("contact", "update", *PHONE, "--tags", "").out
    assert cleared.startswith("Saved. The contact is now:\n\nid          ")
    assert "\ntags        -\nupdated at  " in cleared
    assert acme("contact", "get", *PHONE, "--expand", "tags").out.endswith("\n\nTags: none\n")
    gone = acme("contact", "delete", *PHONE, "--yes")
    assert (gone.status, gone.err) == (0, "")
    assert gone.out == f"Contact {one['id']} is erased; the audit log keeps that it happened.\n"


def test_every_expansion_is_shown_to_people(acme: Kith, romain: dict[str, Any]) -> None:
    assert romain["phone"] == "+14155550123"
    for name in takes.EXPANSIONS:
        title = name.replace("_", " ").capitalize()
        assert f"\n{title}:" in acme("contact", "get", *PHONE, "--expand", name).out
    shown = acme("contact", "get", *PHONE, "--expand", "consent", "--expand", "reachability").out
    _, consent, reachability = shown.split("\n\n")
    heading, *states = consent.splitlines()[1:]
    assert heading.split("  ")[0] == "CHANNEL"
    assert states[0].split() == ["whatsapp", "marketing", "unknown", "-", "-", "-", "-"]
    assert len(states) == 6
    assert [line.split() for line in reachability.splitlines()] == [
        ["Reachability:"],
        ["NUMBER", "KIND", "ALLOWED", "REASON", "UNTIL"],
        ["any", "free_form", "no", "never_wrote", "-"],
        ["any", "utility", "yes", "ok", "-"],
        ["any", "marketing", "no", "consent_unknown", "-"],
    ]


def test_search(acme: Kith, romain: dict[str, Any]) -> None:
    acme("contact", "create", "--phone", "+81312345678", "--name", "陽菜", "--tags", "vip")
    hina = acme("contact", "search", "陽菜", "--json").json[0]["id"]
    nobody = "Nobody is found. Try a shorter part of the name, phone or e-mail address.\n"
    for arguments, ids in [
        ((), {hina, romain["id"]}),
        (("ROM",), {romain["id"]}),
        (("5550123",), {romain["id"]}),
        (("--tag", "vip"), {hina, romain["id"]}),
        (("rom", "--tag", "VIP"), set()),
        (("--email", "romain@example.com"), {romain["id"]}),
        (("--email", "other@example.com"), set()),
    ]:
        found = acme("contact", "search", *arguments, "--json").json
        assert {one["id"] for one in found} == ids, arguments
        shown = acme("contact", "search", *arguments).out
        assert (shown == nobody) == (not ids), arguments
    assert (
        acme("contact", "search", "romain").out
        == f"""\
PHONE         NAME    EMAIL               TAGS        LAST MESSAGE  ID
+14155550123  Romain  romain@example.com  vip, fr-FR  -             {romain["id"]}
"""
    )


def test_a_search_in_nothing_and_in_much(kith: Kith) -> None:
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    hint = "No contacts yet. Make one with: kith contact create --phone ...\n"
    assert kith("contact", "search").out == hint
    assert kith("contact", "search", " ").out == hint
    kith("demo", "--contacts", "60")
    lines = kith("contact", "search", "--workspace", demo.WORKSPACE_UUID).out.split("\n")
    assert lines[0].split() == ["PHONE", "NAME", "EMAIL", "TAGS", "LAST", "MESSAGE", "ID"]
    assert all(line.startswith("+1415") for line in lines[1:51])
    assert lines[51:] == ["", "There may be more than these 50; search for something longer.", ""]


def test_a_long_name_leaves_room_for_the_others(acme: Kith) -> None:
    acme("contact", "create", *PHONE, "--name", "N" * 256, "--tags", ",".join("abcdefghijklmnop"))
    cells = re.split(" {2,}", acme("contact", "search").out.splitlines()[1])
    assert cells[1] == "N" * 39 + "…"
    assert cells[3] == "a, b, c, d, e, f, g, h, i, j, k, l, m, …"


def test_export(acme: Kith, romain: dict[str, Any]) -> None:
    line = acme("contact", "export", *PHONE, "--json")
    assert line.out.count("\n") == 1
    shown = acme("contact", "export", "--id", romain["id"])
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith('{\n  "exported_at": "')
    document = json.loads(shown.out)
    assert document == {**line.json, "exported_at": document["exported_at"]}
    assert list(document) == [
        *("exported_at", "contact", "updated_at", "tags", "identities", "history"),
        *("history_complete", "kept_answers", "kept_answers_complete", "merges", "consent_records"),
        *("blocks", "conversations", "messages", "messages_complete", "data_requests"),
        *("waiting_events", "opt_ins", "unread_messages", "unread_messages_complete"),
    ]
    assert document["contact"] == acme("contact", "get", *PHONE, "--json").json
    assert [entry["what"] for entry in document["history"]] == ["contact.created"]


def test_an_export_goes_to_a_new_file_only(
    acme: Kith, romain: dict[str, Any], tmp_path: Path
) -> None:
    path, other = tmp_path / "romain.json", tmp_path / "line.json"
    written = acme("contact", "export", *PHONE, "--output", str(path))
    assert (written.status, written.err) == (0, "")
    assert written.out == f"Written to {path}, which only you may read.\n"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert text.startswith('{\n  "exported_at": "')
    assert text.endswith("\n}\n")
    line = acme("contact", "export", *PHONE, "--output", str(other), "--json")
    assert (line.status, line.out, line.err) == (0, "", "")
    assert json.loads(other.read_text())["contact"]["id"] == romain["id"]
    assert other.read_text().count("\n") == 1

    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "elsewhere")
    for there in (path, dangling, tmp_path):
        again = refused(acme, "export", *PHONE, "--output", str(there))
        assert again == f"kith: {there} exists already; give --output another name.\n"
    assert path.read_text() == text
    assert not (tmp_path / "elsewhere").exists()
    nowhere = tmp_path / "no" / "folder"
    sentence = refused(acme, "export", *PHONE, "--output", str(nowhere))
    assert sentence == f"kith: {nowhere} cannot be written: No such file or directory.\n"


def on_terminal(kith: Kith, answer: str, *arguments: str) -> tuple[int, str, str]:
    """The command with a person at its standard input: exit status, output, and what they saw."""
    ours, theirs = os.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [KITH, "contact", "delete", *arguments],
        env=environment(**kith.settings),
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=180,
    )
    os.close(theirs)
    os.close(ours)
    return done.returncode, done.stdout, done.stderr


def test_an_erasure_is_asked_about(acme: Kith, romain: dict[str, Any]) -> None:
    alone = acme("contact", "delete", *PHONE)
    assert (alone.status, alone.out) == (2, "")
    problem = "Error: There is no terminal to ask on; add --yes to erase without being asked.\n"
    assert alone.err.endswith(problem)
    question = f"Erase Romain, +14155550123, romain@example.com, {romain['id']} for good? [y/N]: "
    for answer in ("n\n", "\n"):
        kept = on_terminal(acme, answer, *PHONE)
        assert kept == (1, "", f"{question}kith: Nothing was erased.\n")
    left = on_terminal(acme, "\x04", *PHONE)
    assert left[:2] == (1, "")
    assert acme("contact", "get", *PHONE).status == 0
    status, out, err = on_terminal(acme, "y\n", *PHONE, "--json")
    assert (status, json.loads(out), err) == (0, {"id": romain["id"], "deleted": True}, question)
    assert on_terminal(acme, "y\n", *PHONE) == (1, "", UNKNOWN)


ONE_OF = "Give exactly one of --id, --phone, --email, --wa-id, --bsuid, --username, --external-id."
WRONG_USAGE = [
    (("get",), ONE_OF),
    (("get", *PHONE, "--email", "a@b.example"), ONE_OF),
    (("get", "--phone", " "), ONE_OF),
    (
        ("get", *PHONE, "--expand", "all"),
        "'all' is not one of 'tags', 'identities', 'history', ",
    ),
    (("create", "--name", "x"), "Missing option '--phone'."),
    (
        ("update", "--name", "x"),
        "Give --id or --phone; both only when they belong to the same contact.",
    ),
    (("update", *PHONE), "Give what to change: --name, --email, --tags or --metadata."),
    (
        ("delete", "--yes"),
        "Give --id or --phone; both only when they belong to the same contact.",
    ),
    (("export",), "Give --id or --phone; both only when they belong to the same contact."),
    (("search", "a", "b"), "Got unexpected extra argument (b)"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG_USAGE, ids=repr)
def test_wrong_usage(arguments: tuple[str, ...], text: str, tmp_path: Path) -> None:
    wrong = Kith(database_url=f"sqlite:///{tmp_path}/kith.db")("contact", *arguments)
    assert (wrong.status, wrong.out) == (2, "")
    assert wrong.err.startswith(f"Usage: kith contact {arguments[0]} [OPTIONS]")
    assert text in wrong.err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


NOT_A_PHONE = "The phone must be a phone number in international format, such as +14155550123."
TWO_PEOPLE = "The contact id and the phone belong to two contacts; give one of them."
OTHER = ("--phone", "+14155550199")

REFUSED = [
    (("get", "--id", "12"), "The contact id must be a valid UUID."),
    (("get", "--phone", "Romain"), NOT_A_PHONE),
    (("create", "--phone", ""), "The phone field is required."),
    (
        ("create", "--phone", "1", "--email", "x"),
        f"{NOT_A_PHONE} The email must be a valid email address.",
    ),
    (("create", *OTHER, "--metadata", "{a: 1}"), "The metadata is not valid JSON."),
    (
        ("create", *OTHER, "--metadata", "[1]"),
        'The metadata must be an object, such as {"shopify_id": "12345"}.',
    ),
    (
        ("update", *PHONE, "--metadata", '{"a": 1e400}'),
        "The metadata holds a number that is out of range.",
    ),
    (
        ("update", *PHONE, "--metadata", '{"a":' * 32 + "1" + "}" * 32),
        "The metadata is nested more than 32 levels deep.",
    ),
    (
        ("update", *PHONE, "--name", "A\x07"),
        "The name may not contain control characters or line breaks.",
    ),
    (("search", "x" * 257), "The query may not be greater than 256 characters."),
]


def test_refused(acme: Kith, romain: dict[str, Any]) -> None:
    for arguments, text in REFUSED:
        assert refused(acme, *arguments) == f"kith: {text}\n"
    acme("contact", "create", *OTHER)
    for command in (("update", "--name", "x"), ("delete", "--yes"), ("export",)):
        assert refused(acme, *command, "--id", romain["id"], *OTHER) == f"kith: {TWO_PEOPLE}\n"
        assert refused(acme, *command, "--id", str(uuid4())) == UNKNOWN


def test_metadata_as_deep_as_a_request_may_hold_it(acme: Kith) -> None:
    """What is written here is read everywhere: also the log shows it."""
    deep = '{"a":' * 31 + "1" + "}" * 31
    acme("contact", "create", *PHONE, "--metadata", deep)
    assert acme("contact", "get", *PHONE, "--json").json["metadata"] == json.loads(deep)
    shown = acme("contact", "get", *PHONE, "--expand", "history")
    assert (shown.status, shown.err) == (0, "")
    assert f"\nmetadata         {deep}\n" in shown.out
    assert shown.out.endswith("  contact.created  operator  phone, source, metadata\n")


@pytest.mark.row("T1.1")
def test_the_workspace_is_the_only_one_or_the_one_named(kith: Kith) -> None:
    create = ("contact", "create", *PHONE, "--json")
    none = kith("contact", "search")
    assert (none.status, none.out) == (1, "")
    assert none.err == (
        "kith: There is no workspace yet. Make one with: kith init --workspace "
        '"Acme Co." --email ana@example.com\n'
    )
    acme = kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com", "--json").json
    anas = kith(*create).json
    kith("init", "--workspace", "Other", "--email", "mallory@example.com")
    which = (
        "kith: There are several workspaces, as `kith user list` shows; name one with"
        " --workspace.\n"
    )
    for command in (("get", *PHONE), ("create", *OTHER), ("search",), ("delete", *PHONE, "--yes")):
        assert refused(kith, *command) == which
        unknown = refused(kith, *command, "--workspace", "Nowhere")
        assert unknown == "kith: There is no workspace Nowhere.\n"
    for spelling in (acme["tenant_id"], acme["tenant_id"].upper(), "Acme Co."):
        found = kith("contact", "get", *PHONE, "--workspace", spelling, "--json").json
        assert found["id"] == anas["id"]

    other = ("--workspace", "Other")
    for key in (("--id", anas["id"]), PHONE):
        for command in (("get",), ("update", "--name", "x"), ("delete", "--yes"), ("export",)):
            assert refused(kith, *command, *key, *other) == UNKNOWN
    assert kith("contact", "search", *other).out.startswith("No contacts yet.")
    theirs = kith(*create, *other).json
    assert theirs["id"] != anas["id"]
    both = refused(kith, "update", "--id", anas["id"], *PHONE, "--name", "x", *other)
    assert both == UNKNOWN
    kith("contact", "delete", *PHONE, "--yes", *other)
    assert kith("contact", "get", *PHONE, "--workspace", "Acme Co.").status == 0


def test_on_whose_behalf(acme: Kith) -> None:
    acme("user", "create", "--workspace", "Acme Co.", "--email", "ben@example.com")
    acme("init", "--workspace", "Other", "--email", "mallory@example.com")
    at = ("--workspace", "Acme Co.")
    acme("contact", "create", *PHONE, *at, "--user", "ANA@example.com")
    acme("contact", "update", *PHONE, "--name", "Romain", *at, "--user", "ben@example.com")
    acme("contact", "update", *PHONE, "--tags", "vip", *at)
    acme("contact", "delete", *PHONE, "--yes", *at, "--user", "ben@example.com")
    entries = acme("audit", *at, "--json").json["entries"]
    assert [(entry["what"], entry["user"], entry["token_id"]) for entry in entries] == [
        ("contact.erased", {"id": 2, "email": "ben@example.com"}, None),
        ("contact.updated", None, None),
        ("contact.updated", {"id": 2, "email": "ben@example.com"}, None),
        ("contact.created", {"id": 1, "email": "ana@example.com"}, None),
    ]
    acme("user", "revoke", "ben@example.com")
    for user, text in [
        ("ben@example.com", "ben@example.com has been shut out; name somebody else with --user."),
        (
            "mallory@example.com",
            "There is no user mallory@example.com in the workspace Acme Co.; `kith user list`"
            " shows who there is.",
        ),
        (
            "",
            "There is no user  in the workspace Acme Co.; `kith user list` shows who there is.",
        ),
    ]:
        for command in (("create", *PHONE), ("update", *PHONE, "--name", "x")):
            assert refused(acme, *command, *at, "--user", user) == f"kith: {text}\n"
    assert len(acme("audit", *at, "--json").json["entries"]) == 4


@pytest.mark.row("T9.3")
async def test_a_stored_contact_cannot_command_a_terminal(
    acme: Kith, romain: dict[str, Any], database_url: str
) -> None:
    async with wiring.opened(Settings(database_url=database_url)) as runner:
        await runner.database.write(
            lambda tx: tx.run(
                "UPDATE contacts SET name = :text, email = :text, metadata = :document,"
                " tags = :tags",
                text=HOSTILE,
                document=json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False),
                tags=json.dumps([HOSTILE]),
            )
        )
        await runner.database.write(
            lambda tx: tx.run("UPDATE tags SET name = :text WHERE name = 'vip'", text=HOSTILE)
        )
    shown = r"\x1b]0;owned\x07\x0d\x0afake line\x9b2J\x202e"
    more = ("--expand", "tags", "--expand", "identities", "--expand", "history")
    for command in (
        ("get", *PHONE, *more),
        ("search",),
        ("export", *PHONE),
        ("update", *PHONE, "--metadata", '{"a": 1}'),
        ("create", *PHONE),
    ):
        result = acme("contact", *command)
        assert (result.status, result.err) == (0, ""), command
        assert all(c.isprintable() or c == "\n" for c in result.out), command
        assert (shown in result.out) == (command[0] != "export"), command
        line = acme("contact", *command, "--json")
        assert line.out.removesuffix("\n").isprintable(), command
        assert repr(HOSTILE)[1:-1] in str(line.json), command
    question = on_terminal(acme, "n\n", *PHONE)[2]
    assert shown in question
    assert question.removesuffix("\n").isprintable()


async def test_beside_a_server_both_doors_say_the_same(bed: Bed, beside: Kith) -> None:
    ana = await bed.owner("Ana", scope="admin")
    mallory = await bed.owner("Mallory", scope="admin")
    assert ana.workspace is not None
    at = ("--workspace", ana.workspace.id)
    given = ("--name", "Łukasz", "--email", "lukasz@example.com", "--tags", "vip,pl")
    saved = beside(
        "contact",
        "create",
        *PHONE,
        *given,
        "--metadata",
        '{"a": [1.50, {"b": "ß"}]}',
        *at,
        "--json",
    )
    again = ana.create_contact(phone="+14155550123", tags="vip")
    assert (again.status_code, again.text + "\n") == (201, saved.out)
    key = {"contact_id": saved.json["id"]}
    by_id = ("--id", saved.json["id"])
    changed = beside("contact", "update", *by_id, "--name", "Łukasz K.", *at, "--json")
    assert ana.post("update-contact", key).text + "\n" == changed.out

    expand = ["history", "tags", "identities"]
    expanded = [part for name in expand for part in ("--expand", name)]
    for arguments, action, body in [
        (("get", *by_id), "get-contact", key),
        (("get", "--email", "lukasz@example.com"), "get-contact", key),
        (("get", *PHONE, *expanded), "get-contact", {**key, "expand": expand}),
        (("search", "łukasz", "--tag", "pl"), "search-contacts", {"query": "ŁUKASZ"}),
    ]:
        shown = beside("contact", *arguments, *at, "--json")
        assert shown.out == ana.post(action, body).text + "\n", arguments
    there = ana.post("export-contact", key).json()
    here = beside("contact", "export", *by_id, *at, "--json").json
    assert here == {**there, "exported_at": here["exported_at"]}

    foreign = beside("contact", "get", *by_id, "--workspace", mallory.workspace.id)  # type: ignore[union-attr]
    assert (foreign.status, foreign.out, foreign.err) == (1, "", UNKNOWN)
    erased = beside("contact", "delete", *by_id, "--yes", *at, "--user", ana.user.email, "--json")
    assert erased.json == {"id": saved.json["id"], "deleted": True}
    assert ana.get_contact(**key).status_code == 404
    [newest, *_] = ana.post("list-audit", key).json()["entries"]
    assert newest["user"] == {"id": ana.user.id, "email": ana.user.email}


async def test_an_erased_number_stays_out_whoever_makes_it_anew(
    bed: Bed, beside: Kith, ana: Person
) -> None:
    """The same keyed hash from both doors: an erasure here is no way around an opt-out."""
    assert ana.workspace is not None
    at = ("--workspace", ana.workspace.id)
    made = beside("contact", "create", *PHONE, *at, "--json").json
    await bed.change(
        "UPDATE contacts SET opted_out_at = :at WHERE uuid = :uuid",
        at=1_767_225_600_000_000,
        uuid=made["id"],
    )
    beside("contact", "delete", *PHONE, "--yes", *at)
    ana.create_contact(phone="+14155550123")
    assert ana.get_contact(phone="+14155550123").json()["opted_out_at"] == (
        "2026-01-01T00:00:00+00:00"
    )
