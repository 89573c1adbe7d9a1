"""`kith workspace`: region, margin of the window and words, for people and for programs."""

import time

import pytest

from kith.api.credentials import RECHECK_S
from tests.cast import Bed, Person
from tests.cli.kith import Kith


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


def test_show_and_set(acme: Kith) -> None:
    shown = acme("workspace", "show", "--json").json
    assert list(shown) == [
        "tenant_id", "workspace", "region", "window_margin_s", "opt_in_new", "stop_words",
        "start_words",
    ]  # fmt: skip
    assert (shown["workspace"], shown["region"], shown["window_margin_s"]) == (
        "Acme Co.",
        None,
        120,
    )
    changed = acme("workspace", "set", "--region", " fr ", "--json").json
    assert changed == {**shown, "region": "FR"}
    changed = acme("workspace", "set", "--window-margin", "300", "--json").json
    assert changed == {**shown, "region": "FR", "window_margin_s": 300}
    assert acme("workspace", "show", "--workspace", shown["tenant_id"], "--json").json == changed
    assert shown["opt_in_new"] is False
    asked = acme("workspace", "set", "--opt-in-new", "--json").json
    assert asked == {**changed, "opt_in_new": True}
    assert acme("workspace", "set", "--no-opt-in-new", "--json").json == changed
    cleared = acme("workspace", "set", "--region", "", "--window-margin", "0", "--json").json
    assert cleared == {**shown, "window_margin_s": 0}


def test_words_of_a_workspace(acme: Kith) -> None:
    before = acme("workspace", "show", "--json").json
    assert (before["stop_words"], before["start_words"]) == ([], [])
    given = ("--stop-word", " Genug! ", "--stop-word", "ça suffit", "--start-word", "WEITER")
    held = acme("workspace", "set", *given, "--json").json
    assert held == {**before, "stop_words": ["genug", "ca suffit"], "start_words": ["weiter"]}
    told = acme("workspace", "set", "--region", "FR").out
    assert "genug, ca suffit" in told
    assert "weiter" in told
    replaced = acme("workspace", "set", "--stop-word", "basta", "--json").json
    assert replaced == {**held, "region": "FR", "stop_words": ["basta"]}, "the others stay"
    left = acme("workspace", "set", "--stop-word", "", "--json").json
    assert left == {**replaced, "stop_words": []}
    cleared = acme("workspace", "set", "--start-word", " ", "--region", "", "--json").json
    assert cleared == before == acme("workspace", "show", "--json").json


def test_for_people(acme: Kith) -> None:
    told = acme("workspace", "set", "--region", "FR")
    assert (told.status, told.err) == (0, "")
    lines = dict(line.split("  ", 1) for line in told.out.splitlines())
    assert {name: value.strip() for name, value in lines.items()}["region"] == "FR"
    assert acme("workspace", "show").out == told.out


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        ((), 2, "--region, --window-margin, --opt-in-new, --stop-word or --start-word"),
        (("--region", "FR", "--stop-word", "genug", "--stop-word", ""), 1, "a letter or a digit"),
        (("--stop-word", "..."), 1, "The stop word must hold a letter or a digit"),
        (("--start-word", "x" * 129), 1, "The start word"),
        (("--start-word", "a", "--stop-word", "a\x1bb"), 1, "The stop word"),
        (("--region", "Frankreich"), 1, "two letters of a country"),
        (("--region", "XX"), 1, "two letters of a country"),
        (("--window-margin", "-1"), 1, "0 to 43200 seconds"),
        (("--window-margin", "43201"), 1, "0 to 43200 seconds"),
        (("--window-margin", "x"), 2, "not a valid integer"),
        (("--region", "FR", "--workspace", "Nobody's"), 1, "There is no workspace"),
    ],
)
def test_refused(acme: Kith, options: tuple[str, ...], status: int, word: str) -> None:
    before = acme("workspace", "show", "--json").json
    refused = acme("workspace", "set", *options)
    assert (refused.status, refused.out) == (status, "")
    assert word in refused.err
    assert acme("workspace", "show", "--json").json == before


def test_contacts_by_their_further_names(acme: Kith) -> None:
    acme("workspace", "set", "--region", "FR")
    saved = acme("contact", "create", "--phone", "06 12 34 56 78", "--json").json
    assert saved["phone"] == "+33612345678"
    for option in (("--phone", "0612345678"), ("--wa-id", "33612345678")):
        found = acme("contact", "get", *option, "--expand", "match", "--json").json
        assert (found["id"], found["match"]["matched_by"]) == (saved["id"], "phone")
    told = acme("contact", "get", "--phone", "0612345678", "--expand", "match")
    assert "Match:" in told.out
    assert "exact" in told.out
    for option in (("--bsuid", "FR.1"), ("--username", "nobody"), ("--external-id", "shop:1")):
        assert "no such contact" in acme("contact", "get", *option).err


async def test_a_running_server_follows_at_once(bed: Bed, beside: Kith) -> None:
    ana = await bed.owner("Ana")
    assert ana.workspace is not None
    assert ana.get_contact(phone="0612345678").status_code == 422
    beside("workspace", "set", "--workspace", ana.workspace.id, "--region", "FR")
    assert ana.create_contact(phone="0612345678").json()["phone"] == "+33612345678"
    mallory = await bed.owner("Mallory")
    assert mallory.get_contact(phone="0612345678").status_code == 422, "it is Ana's region"


async def test_every_margin_that_is_taken_gives_a_verdict(bed: Bed, beside: Kith) -> None:
    ana = await bed.owner("Ana")
    assert ana.workspace is not None
    contact_id = ana.create_contact(phone="+14155550120").json()["id"]
    beside("workspace", "set", "--workspace", ana.workspace.id, "--window-margin", "43200")
    for action, body in (
        ("get-reachability", {"contact_id": contact_id}),
        ("get-contact", {"contact_id": contact_id, "expand": ["reachability"]}),
        ("check-audience", {"contacts": [{"contact_id": contact_id}]}),
    ):
        assert ana.post(action, body).status_code == 200, action


@pytest.mark.row("T10.2")
async def test_a_running_server_opts_in_who_is_new(bed: Bed, beside: Kith) -> None:
    """Within a second: only those of the workspace that asked for it, and only over the API."""
    ana, mallory = await bed.owner("Ana"), await bed.owner("Mallory")
    assert ana.workspace is not None
    ana.create_contact(phone="+14155550120")
    inside = ("--workspace", ana.workspace.id)
    beside("workspace", "set", *inside, "--opt-in-new")
    assert beside("workspace", "show", *inside, "--json").json["opt_in_new"] is True
    time.sleep(RECHECK_S + 0.1)
    beside("contact", "create", *inside, "--phone", "+14155550121")
    ana.create_contact(phone="+14155550120", name="Known")
    for caller in (ana, mallory):
        caller.create_contact(phone="+14155550122")

    def opted_in(caller: Person, phone: str) -> bool:
        return caller.get_contact(phone=phone).json()["opted_in_at"] is not None

    assert not opted_in(ana, "+14155550120")
    assert not opted_in(ana, "+14155550121")
    assert opted_in(ana, "+14155550122")
    assert not opted_in(mallory, "+14155550122")
    beside("workspace", "set", *inside, "--no-opt-in-new")
    time.sleep(RECHECK_S + 0.1)
    ana.create_contact(phone="+14155550123")
    assert not opted_in(ana, "+14155550123")
