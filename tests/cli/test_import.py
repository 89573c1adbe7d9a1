"""`kith import`: what is in the database is what it says, and the dry run says the same."""

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from kith.actions import hooks, import_undo
from kith.actions.hooks import Subscribe
from kith.cli import import_running
from kith.jobs import importing
from kith.store.lock import ServerLock
from tests.cast import Bed, Person
from tests.cli.kith import Kith

HEADER = "phone,name,email,tags,City"
ROMAIN = "+14155550123,Romain,romain@example.com,vip;fr-FR,Lyon"
ZOE = "+33612345678,Zoé,,,"


@pytest.fixture
def acme(kith: Kith) -> Kith:
    made = kith("init", "--workspace", "Acme", "--email", "ana@example.com", "--json")
    assert made.status == 0, made.err
    return kith


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contacts.csv"


def write(file: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> str:
    file.write_bytes((end.join(lines) + end).encode(encoding))
    return str(file)


def imported(kith: Kith, *arguments: str) -> dict[str, Any]:
    """Run it dry, then really; both say the same."""
    dry = kith("import", *arguments, "--dry-run", "--json")
    assert dry.status == 0, dry.err
    *rows, told = map(json.loads, dry.out.splitlines())
    done = kith("import", *arguments, "--json").json
    for what in ("counts", "state", "offset"):
        assert told[what] == done[what]
    names = {"created": "create", "updated": "update", "unchanged": "unchanged"}
    names |= {"skipped": "skip", "conflicts": "conflict"}
    outcomes = [row["outcome"] for row in rows]
    assert {name: outcomes.count(word) for name, word in names.items()} == {
        name: done["counts"][name] for name in names
    }
    return {**done, "dry_rows": rows}


def numbers(done: dict[str, Any]) -> list[int]:
    """Created, updated, unchanged, skipped, conflicts."""
    counts = done["counts"]
    names = ("created", "updated", "unchanged", "skipped", "conflicts")
    return [counts[name] for name in names]


def get(kith: Kith, **key: str) -> dict[str, Any]:
    [(name, value)] = key.items()
    found = kith("contact", "get", f"--{name}", value, "--json").json
    assert isinstance(found, dict)
    return found


def phones(kith: Kith) -> list[str]:
    return [row["phone"] for row in exported(kith)]


def exported(kith: Kith) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "export.csv"
        assert kith("export", str(path)).status == 0
        return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


def rejected(done: dict[str, Any]) -> list[dict[str, str]]:
    text = Path(done["rejects"]).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_new_contacts_are_there_with_all_that_the_file_says(acme: Kith, file: Path) -> None:
    done = imported(acme, write(file, HEADER, ROMAIN, ZOE))
    assert numbers(done) == [2, 0, 0, 0, 0]
    romain = get(acme, phone="+14155550123")
    assert romain["name"] == "Romain"
    assert romain["email"] == "romain@example.com"
    assert romain["tags"] == ["vip", "fr-FR"]
    assert romain["metadata"] == {"City": "Lyon"}
    assert romain["source"] == "csv_import"
    assert romain["opted_in_at"] is None
    assert romain["total_messages"] == 0
    assert acme("contact", "search", "zoé", "--json").json[0]["phone"] == "+33612345678"
    entries = acme("audit", "--json").json["entries"]
    assert [one["what"] for one in entries] == ["contact.created"] * 2
    assert {one["after"]["import_id"] for one in entries} == {done["id"]}


def test_the_same_file_again_changes_nothing(acme: Kith, file: Path) -> None:
    again = "+14155550123,Romain B.,,b2b,Paris"
    path = write(file, HEADER, ROMAIN, ZOE, again, "17,Bad,,,")
    assert numbers(imported(acme, path)) == [2, 1, 0, 1, 0]
    before = exported(acme)
    done = imported(acme, path)
    assert numbers(done) == [0, 0, 3, 1, 0]
    assert exported(acme) == before
    assert len(acme("audit", "--json").json["entries"]) == 3


def test_contacts_that_are_there_are_added_to(acme: Kith, file: Path) -> None:
    acme("contact", "create", "--phone", "+14155550123", "--name", "R", "--tags", "old")
    acme("contact", "create", "--phone", "+33612345678", "--name", "Zoé")
    done = imported(acme, write(file, HEADER, ROMAIN, ZOE))
    assert numbers(done) == [0, 1, 1, 0, 0]
    [changed, _] = done["dry_rows"]
    assert changed["before"] == {"name": "R", "tags": ["old"]}
    assert changed["after"] == {
        "name": "Romain", "email": "romain@example.com", "metadata": {"City": "Lyon"},
        "tags": ["vip", "fr-FR", "old"],
    }  # fmt: skip
    romain = get(acme, phone="+14155550123")
    assert romain["tags"] == ["vip", "fr-FR", "old"]
    assert romain["source"] == "manual"


@pytest.mark.row("T16.1")
def test_other_spellings_of_a_number_are_the_same_person(acme: Kith, file: Path) -> None:
    acme("contact", "create", "--phone", "+5531996883193", "--name", "Ana")
    path = write(
        file, "phone;name", "+55 31 9688-3193;", "06 12 34 56 78;Zoé", "0033612345678;Zoé",
        "+33 (0)6 12 34 56 78;", "tel:+33-6-12-34-56-78;Zoé B.",
    )  # fmt: skip
    done = imported(acme, path, "--region", "FR")
    assert numbers(done) == [1, 2, 2, 0, 0]
    assert phones(acme) == ["+5531996883193", "+33612345678"]
    assert get(acme, phone="+553196883193")["name"] == "Ana"


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-be", ","), ("cp1252", "|")],
)
def test_any_spreadsheet_can_have_written_it(
    acme: Kith, file: Path, encoding: str, delimiter: str
) -> None:
    header = delimiter.join(("Prénom", "Nom", "Téléphone", "Étiquettes"))
    row = delimiter.join(("Zoé", "Lefèvre", "+33612345678", '"é à; b"'))
    bad = delimiter.join(("Éva", "", "abc", ""))
    done = imported(acme, write(file, header, row, bad, encoding=encoding, end="\r\n"))
    assert numbers(done) == [1, 0, 0, 1, 0]
    zoe = get(acme, phone="+33612345678")
    assert (zoe["name"], zoe["tags"]) == ("Zoé Lefèvre", ["é à", "b"])
    [reject] = rejected(done)
    assert (reject["Prénom"], reject["Téléphone"], reject["kith_line"]) == ("Éva", "abc", "3")


@pytest.mark.row("F24", "X7", "L12")
def test_poison_goes_to_the_rejects_and_good_rows_in(acme: Kith, file: Path) -> None:
    poison = [
        b"+14155550111,a\0b\n",
        b"+14155550112,\xff\xfe\n",
        b"+14155550113," + b"x" * 1_000_000 + b"\n",
        b"+14155550115" + b"," * 10_000 + b"x\n",
        b"phone,name\n",
        b'+14155550116,"a"b\n',
        b'+14155550114,"open\n',
    ]
    good = [b"+1415555020%d,Good %d\n" % (at, at) for at in range(len(poison) + 1)]
    rows = [row for pair in zip(good, poison, strict=False) for row in pair] + [good[-1]]
    file.write_bytes(b"phone,name\n" + b"".join(rows))
    done = imported(acme, str(file))
    assert numbers(done) == [len(good), 0, 0, len(poison), 0]
    whole = file.read_bytes()
    found = rejected(done)
    codes = "nul bad_utf8 field_too_long too_many_fields repeated_header quote_broken quote_open"
    assert [one["kith_code"] for one in found] == codes.split()
    assert [int(one["kith_line"]) for one in found] == [3, 5, 7, 9, 11, 13, 15]
    for one, bad in zip(found, poison, strict=True):
        assert whole[int(one["kith_offset"]) :].startswith(bad)
    assert numbers(imported(acme, str(file))) == [0, 0, len(good), len(poison), 0]


@pytest.mark.row("F24")
def test_carriage_returns_alone_end_lines_too(acme: Kith, file: Path) -> None:
    done = imported(acme, write(file, "phone,name", ROMAIN.split(",")[0] + ",R", "12,x", end="\r"))
    assert numbers(done) == [1, 0, 0, 1, 0]
    assert rejected(done)[0]["kith_line"] == "3"


def test_rows_that_were_mended_can_be_imported_from_the_rejects(acme: Kith, file: Path) -> None:
    path = write(file, HEADER, "+1 415 555 0123 ext. 4,Romain,romain at example.com,vip,Lyon", ZOE)
    done = imported(acme, path)
    [reject] = rejected(done)
    assert reject["kith_mend"] == "+1 415 555 0123".replace(" ", "") or reject["kith_mend"]
    mended = Path(done["rejects"])
    text = mended.read_text(encoding="utf-8-sig")
    text = text.replace("'+1 415 555 0123 ext. 4", "+14155550123")
    mended.write_text(text.replace("romain at example.com", "romain@example.com"))
    again = imported(acme, str(mended))
    assert numbers(again) == [1, 0, 0, 0, 0]
    assert get(acme, phone="+14155550123")["metadata"] == {"City": "Lyon"}


def test_a_row_without_phone_changes_whom_it_names(acme: Kith, file: Path) -> None:
    romain = acme(
        "contact", "create", "--phone", "+14155550123", "--email", "r@example.com", "--json"
    ).json
    two = [
        acme("contact", "create", "--phone", phone, "--email", "two@example.com", "--json").json[
            "id"
        ]
        for phone in ("+14155550124", "+14155550125")
    ]
    path = write(
        file, "contact_id,phone,email,name", ",,R@example.com,By mail", ",,nobody@example.com,X",
        f"{romain['id']},,,By id", ",,two@example.com,X", f"{romain['id']},+14155550124,,X",
        f"{romain['id']},+14155550199,,X", "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61,,,X",
    )  # fmt: skip
    done = imported(acme, path)
    assert numbers(done) == [0, 2, 0, 2, 3]
    assert get(acme, phone="+14155550123")["name"] == "By id"
    rejects = rejected(done)
    assert [one["kith_code"] for one in rejects] == [
        "no_phone", "conflict", "conflict", "not_its_phone", "no_phone",
    ]  # fmt: skip
    _, of_two, of_another, of_nobody, _ = rejects
    assert all(uuid in of_two["kith_reason"] for uuid in two)
    assert f"{romain['id']} and {two[0]}" in of_another["kith_reason"]
    assert romain["id"] in of_nobody["kith_reason"]
    assert "Merge" in of_another["kith_mend"]
    assert "Merge" not in of_nobody["kith_mend"]
    reasons = [row["reason"] for row in done["dry_rows"] if row["outcome"] == "conflict"]
    assert reasons == [one["kith_reason"] for one in rejects[1:4]]


def test_a_number_that_reads_like_two_contacts_is_a_conflict(acme: Kith, file: Path) -> None:
    two = [
        acme("contact", "create", "--phone", phone, "--json").json["id"]
        for phone in ("+5551968541943", "+51968541943")
    ]
    done = imported(acme, write(file, "phone", "51968541943"), "--region", "BR")
    assert numbers(done) == [0, 0, 0, 0, 1]
    [reject] = rejected(done)
    assert f"They are {' and '.join(sorted(two))}." in reject["kith_reason"]


@pytest.mark.row("T16.1")
def test_a_column_of_numbers_gives_nobody_a_digit_more(acme: Kith, file: Path) -> None:
    """pandas writes 4155552675.0, and 41555526750 is somebody's in Switzerland."""
    path = write(file, "phone", "4155552675.0", "33612345612.0", "4.15556E+10", "4155552676.00")
    done = imported(acme, path, "--region", "US")
    assert numbers(done) == [3, 0, 0, 1, 0]
    assert phones(acme) == ["+14155552675", "+33612345612", "+14155552676"]
    [reject] = rejected(done)
    assert reject["kith_mend"].startswith("A spreadsheet has cut the number")


def test_numbers_without_country_code_are_counted(acme: Kith, file: Path) -> None:
    path = write(
        file, "phone,country", "(415) 555-2671,", "0612345678,", "33612345678,", "+33612345679,",
        "0033612345677,", "(415) 555-2672,US",
    )  # fmt: skip
    asked = "Numbers that may lack their country code: 2. Was --region meant?"
    assert asked in acme("import", path, "--dry-run").out
    assert imported(acme, path)["without_country_code"] == 2
    assert asked in acme("import", path).out
    assert "Was --region" not in acme("import", path, "--region", "US").out
    acme("workspace", "set", "--region", "US")
    assert "Was --region" not in acme("import", path).out


SHOPIFY = "First Name,Default Address Country Code,Default Address Phone,Phone"
HUBSPOT = "Record ID,First Name,Phone Number,Mobile Phone Number,Country/Region"


@pytest.mark.parametrize(
    ("header", "row", "number", "metadata"),
    [
        (SHOPIFY, "Ana,US,(415) 555-2671,'+14155550106", "+14155550106",
         {"Default Address Phone": "(415) 555-2671"}),
        (HUBSPOT, "7,Ana,,06 12 34 56 78,France", "+33612345678", {"Record ID": "7"}),
        ("CONTACT ID;EMAIL;FIRSTNAME;SMS", "4;ana@example.com;Ana;33612345678", "+33612345678",
         {"CONTACT ID": "4"}),
        ("Contact Id,First Name,Phone,Source", "ocQHyuzHvysMo5N5,Ana,+14155550106,Form",
         "+14155550106", {"Contact Id": "ocQHyuzHvysMo5N5", "Source": "Form"}),
        ("First Name,Name,Business Phone,Mobile Phone", "Ana,Ana,+14155550199,+14155550106",
         "+14155550106", {"Business Phone": "+14155550199"}),
    ],
)  # fmt: skip
def test_exports_of_other_systems(
    acme: Kith, file: Path, header: str, row: str, number: str, metadata: dict[str, str]
) -> None:
    assert numbers(imported(acme, write(file, header, row))) == [1, 0, 0, 0, 0]
    found = get(acme, phone=number)
    assert (found["name"], found["metadata"]) == ("Ana", metadata)


def test_a_workbook_is_no_csv(acme: Kith, file: Path) -> None:
    file.write_bytes(b'PK\x03\x04\x14\0\x06\0[Content_Types].xml\0"')
    done = acme("import", str(file))
    assert (done.status, done.err) == (1, "kith: The file is an Excel workbook; save it as CSV.\n")


CONSENT = "phone,opted_in_at,opted_in_source,opted_out_at"


@pytest.mark.row("T10.2")
def test_consent_needs_a_date_and_a_source_and_is_proven_by_file_and_row(
    acme: Kith, file: Path
) -> None:
    acme("contact", "create", "--phone", "+14155550124")
    path = write(
        file, CONSENT, "+14155550123,2026-05-07,newsletter form,", "+14155550124,2026-05-07,shop,",
        "+14155550125,2026-05-07,,", "+14155550126,,,", "+14155550127,,,2026-05-08",
        "+14155550128,2099-01-01,form,",
    )  # fmt: skip
    done = imported(acme, path)
    assert numbers(done) == [5, 1, 0, 0, 0]
    assert (done["counts"]["consent"], done["counts"]["consent_left_out"]) == (3, 2)
    assert [one["kith_code"] for one in rejected(done)] == [
        "consent_without_source", "consent_in_future",
    ]  # fmt: skip
    for last, row in (("3", 2), ("4", 3)):
        held = acme("contact", "export", "--phone", f"+1415555012{last}").json
        [record] = held["consent_records"]
        assert (record["source"], record["state"]) == ("import", "granted")
        assert record["occurred_at"] == "2026-05-07T00:00:00+00:00"
        assert record["evidence"] == {
            "import_id": done["id"], "file": "contacts.csv", "row": row, "sha256": done["sha256"],
            "source": "newsletter form" if last == "3" else "shop",
        }  # fmt: skip
        shown = get(acme, phone=f"+1415555012{last}")
        assert shown["opted_in_at"] == "2026-05-07T00:00:00+00:00"
    for last in "568":
        shown = get(acme, phone=f"+1415555012{last}")
        assert (shown["opted_in_at"], shown["opted_out_at"]) == (None, None)
    assert get(acme, phone="+14155550127")["opted_out_at"] == "2026-05-08T00:00:00+00:00"
    again = imported(acme, path)
    assert numbers(again) == [0, 0, 6, 0, 0]
    assert again["counts"]["consent"] == 0


@pytest.mark.row("T10.2")
def test_an_opt_out_is_never_lifted_by_a_file(acme: Kith, file: Path) -> None:
    assert imported(acme, write(file, CONSENT, "+14155550123,,,2026-05-08"))
    done = imported(acme, write(file, CONSENT, "+14155550123,2026-05-09,form,"))
    assert done["counts"]["consent"] == 1
    shown = get(acme, phone="+14155550123")
    assert (shown["opted_in_at"], shown["opted_out_at"]) == (None, "2026-05-08T00:00:00+00:00")


@pytest.mark.row("T10.2")
async def test_an_opt_out_without_date_counts_once_for_each_file(
    bed: Bed, ana: Person, beside: Kith, file: Path
) -> None:
    """The person opts in again between the two: what another file says is news, the same not."""
    boss = await bed.person(ana.user, ana.workspace, scope="admin")
    assert ana.workspace is not None
    phone = "+14155550123"

    def opted_out_by(path: str) -> bool:
        told = beside("import", path, "--workspace", ana.workspace.id, "--json").json
        shown = ana.get_contact(phone=phone).json()
        assert told["counts"]["consent"] == int(shown["opted_out_at"] is not None)
        return shown["opted_out_at"] is not None

    def opt_in() -> None:
        grant = {"channel": "whatsapp", "purpose": "marketing", "state": "granted"}
        why = {"source": "operator", "method": "note", "note": "She asked for it on the phone."}
        assert boss.post("set-consent", {"phone": phone, **grant, **why}).status_code == 200

    first = write(file, CONSENT, f"{phone},,,yes")
    second = write(file.with_name("later.csv"), CONSENT, f"{phone},,,yes", "+14155550124,,,")
    assert opted_out_by(first)
    opt_in()
    assert not opted_out_by(first)
    assert opted_out_by(second)
    opt_in()
    assert not opted_out_by(first)
    assert not opted_out_by(second)


@pytest.mark.row("T10.2", "T18.1")
def test_who_was_erased_comes_back_opted_out(acme: Kith, file: Path) -> None:
    imported(acme, write(file, CONSENT, "+553196883193,,,2026-05-08"))
    acme("contact", "delete", "--phone", "+553196883193", "--yes")
    path = write(file, CONSENT, "+5531996883193,2026-05-09,form,", "+14155550123,,,")
    assert numbers(imported(acme, path)) == [2, 0, 0, 0, 0]
    assert get(acme, phone="+5531996883193")["opted_out_at"] == "2026-05-08T00:00:00+00:00"


@pytest.mark.row("T9.2")
def test_an_export_imported_changes_nothing(acme: Kith, file: Path, tmp_path: Path) -> None:
    odd = ["=1+1", "+x", "-", "@a", "''=b", "＝c", 'q"q', "a;b", "'plain"]
    for at, name in enumerate(odd):
        acme("contact", "create", "--phone", f"+1415555010{at}", "--name", name)
    imported(
        acme,
        write(
            file,
            CONSENT,
            "+14155550123,2026-05-07,form,",
            "+14155550124,2026-05-07,form,2026-05-08",
        ),
    )
    imported(acme, write(file, HEADER, ROMAIN, ZOE))
    meta = '{"=a": ["@b", null, 1.5], "n": {"x": "\\n"}}'
    acme("contact", "create", "--phone", "+14155550130", "--metadata", meta)
    out = str(tmp_path / "out.csv")
    assert acme("export", out).status == 0
    before = exported(acme)
    assert [row["name"] for row in before[: len(odd)]] == [
        "'=1+1", "'+x", "'-", "'@a", "'''=b", "'＝c", 'q"q', "a;b", "'plain",
    ]  # fmt: skip
    done = imported(acme, out)
    assert numbers(done) == [0, 0, len(before), 0, 0]
    assert done["rejects"] is None
    assert exported(acme) == before


def test_undo_finds_what_the_import_did_behind_all_that_others_did_since(
    acme: Kith, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_undo, "HISTORY_MAX", 3)
    for last in "34":
        acme("contact", "create", "--phone", f"+1415555012{last}", "--name", "R")
    rows = ["+14155550123,Romain,,,", *(f"+14155550124,Zoé {n},,," for n in range(4))]
    done = imported(acme, write(file, HEADER, *rows))
    assert numbers(done) == [0, 5, 0, 0, 0]
    for n in range(4):
        acme("contact", "update", "--phone", "+14155550123", "--email", f"r{n}@example.com")
    undone = acme("import", "undo", done["id"])
    assert "Left: 1 contacts, which the file changed" in undone.out
    assert get(acme, phone="+14155550123")["name"] == "R"
    assert get(acme, phone="+14155550123")["email"] == "r3@example.com"
    assert get(acme, phone="+14155550124")["name"] == "Zoé 3"


def test_undo_takes_back_what_the_import_did(acme: Kith, file: Path) -> None:
    acme("contact", "create", "--phone", "+33612345678", "--name", "Z", "--tags", "old",
         "--metadata", '{"City": "Nice", "a": 1}')  # fmt: skip
    before = exported(acme)
    rows = [ROMAIN, "+33612345678,Zoé,z@example.com,new,Lyon", "+33612345678,,,newer,"]
    done = imported(acme, write(file, HEADER, *rows))
    assert numbers(done) == [1, 2, 0, 0, 0]
    undone = acme("import", "undo", done["id"], "--json").json
    assert undone["state"] == "undone"
    assert undone["undone"] == {"removed": 1, "restored": 1, "consent_retracted": 0, "left": {}}
    after = exported(acme)
    assert [{**row, "updated_at": ""} for row in after] == [
        {**row, "updated_at": ""} for row in before
    ]
    assert acme("contact", "search", "Romain", "--json").json == []
    again = acme("import", "undo", done["id"])
    assert (again.status, "undone already" in again.err) == (1, True)
    assert numbers(imported(acme, str(file))) == [1, 2, 0, 0, 0]


def test_undo_leaves_what_was_changed_since_and_says_so(acme: Kith, file: Path) -> None:
    acme("contact", "create", "--phone", "+33612345678", "--name", "Z")
    rows = [
        ROMAIN,
        "+33612345678,Zoé,z@example.com,new,Lyon",
        "+14155550124,,,,",
        "+14155550125,,,,",
    ]
    done = imported(acme, write(file, HEADER, *rows))
    acme("contact", "update", "--phone", "+14155550123", "--name", "Romain B.")
    acme("contact", "update", "--phone", "+33612345678", "--name", "Zoé L.")
    acme("contact", "delete", "--phone", "+14155550124", "--yes")
    undone = acme("import", "undo", done["id"], "--json").json["undone"]
    left = {"changed_since": 2}  # of the one who was erased, nothing is known any more
    assert undone == {"removed": 1, "restored": 1, "consent_retracted": 0, "left": left}
    assert get(acme, phone="+14155550123")["name"] == "Romain B."
    zoe = get(acme, phone="+33612345678")
    assert (zoe["name"], zoe["email"], zoe["tags"], zoe["metadata"]) == ("Zoé L.", None, [], {})


@pytest.mark.row("T10.2")
def test_undo_keeps_every_opt_out_and_retracts_grants(acme: Kith, file: Path) -> None:
    for last in "345":
        acme("contact", "create", "--phone", f"+1415555012{last}")
    path = write(
        file, CONSENT, "+14155550123,2026-05-07,form,", "+14155550124,,,2026-05-08",
        "+14155550125,2026-05-07,form,", "+14155550126,,,2026-05-08",
        "+14155550127,2026-05-07,form,",
    )  # fmt: skip
    done = imported(acme, path)
    imported(acme, write(file.with_name("out.csv"), CONSENT, "+14155550125,,,2026-05-09"))
    undone = acme("import", "undo", done["id"], "--json").json["undone"]
    assert undone["removed"] == 2
    assert undone["consent_retracted"] == 2
    shown = {last: get(acme, phone=f"+1415555012{last}") for last in "345"}
    assert [(one["opted_in_at"], one["opted_out_at"]) for one in shown.values()] == [
        (None, None), (None, "2026-05-08T00:00:00+00:00"), (None, "2026-05-09T00:00:00+00:00"),
    ]  # fmt: skip
    assert phones(acme) == ["+14155550123", "+14155550124", "+14155550125"]
    # Who was made opted out is remembered, as after an erasure.
    imported(acme, write(file, CONSENT, "+14155550126,2026-05-10,form,"))
    assert get(acme, phone="+14155550126")["opted_out_at"] == "2026-05-08T00:00:00+00:00"


@pytest.mark.row("T10.2")
def test_undo_retracts_grants_also_of_whom_it_leaves(acme: Kith, file: Path) -> None:
    """That somebody wrote or was tagged since is no consent."""
    path = write(file, CONSENT, *(f"+1415555012{last},2026-05-07,form," for last in "345"))
    done = imported(acme, path)
    acme("contact", "update", "--phone", "+14155550123", "--name", "Romain")
    imported(acme, write(file.with_name("out.csv"), CONSENT, "+14155550124,,,2026-05-09"))
    undone = acme("import", "undo", done["id"], "--json").json["undone"]
    left = {"changed_since": 1, "opted_out_since": 1}
    assert undone == {"removed": 1, "restored": 0, "consent_retracted": 2, "left": left}
    shown = {last: get(acme, phone=f"+1415555012{last}") for last in "34"}
    assert [(one["opted_in_at"], one["opted_out_at"]) for one in shown.values()] == [
        (None, None), (None, "2026-05-09T00:00:00+00:00"),
    ]  # fmt: skip


def test_the_terminal_says_what_happens(acme: Kith, file: Path) -> None:
    path = write(file, HEADER, ROMAIN, "12,x,,,")
    told = acme("import", path, "--dry-run")
    assert "line 2: create" in told.out
    assert "line 3: skip" in told.out
    assert "2 rows: 1 would be created" in told.out
    done = acme("import", path)
    assert "2 rows: 1 created, 0 updated, 0 unchanged, 1 skipped, 0 conflicts." in done.out
    assert "kith import undo " in done.out
    [one] = acme("import", "list", "--json").json
    assert one["counts"]["created"] == 1
    assert one["id"] in acme("import", "list").out
    shown = acme("import", "show", one["id"], "--json").json
    assert [refusal["line"] for refusal in shown["refusals"]] == [3]
    assert "LINE" in acme("import", "show", one["id"]).out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--region", "XX"], "region"),
        (["--encoding", "ebcdic"], "encoding"),
        (["--delimiter", "x"], "delimiter"),
        (["--map", "phone"], "COLUMN=FIELD"),
        (["--map", "nope=phone"], "nope"),
    ],
)
def test_what_cannot_be_done_is_said(
    acme: Kith, file: Path, arguments: list[str], word: str
) -> None:
    told = acme("import", write(file, HEADER, ROMAIN), *arguments)
    assert told.status == 1
    assert word in told.err


def test_another_workspace_s_import_is_not_there(acme: Kith, file: Path) -> None:
    done = imported(acme, write(file, HEADER, ROMAIN), "--workspace", "Acme")
    acme("init", "--workspace", "Other", "--email", "mallory@example.com")
    for command in ("show", "undo"):
        told = acme("import", command, done["id"], "--workspace", "Other")
        assert (told.status, "Import not found" in told.err) == (1, True)
    assert acme("import", "list", "--workspace", "Other", "--json").json == []


def test_a_dry_run_knows_the_addresses_of_its_own_rows(acme: Kith, file: Path) -> None:
    """`imported` compares it with the real run."""
    rows = ["+33612345671,Ana,a@b.example", ",Anna,A@b.example", "+33612345672,,a@b.example",
            ",Nobody,a@b.example"]  # fmt: skip
    done = imported(acme, write(file, "phone,name,email", *rows))
    assert numbers(done) == [2, 1, 0, 0, 1]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_rejects_that_cannot_be_written_are_told_before_the_first_row(
    acme: Kith, file: Path, dry: list[str]
) -> None:
    where = str(file.parent / "nowhere" / "rejects.csv")
    refused = acme("import", write(file, HEADER, ROMAIN, "17,,,,"), "--rejects", where, *dry)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == (
        f"kith: The rejects cannot be written to {where}: No such file or directory."
        " Name another --rejects.\n"
    )
    assert phones(acme) == []
    assert acme("import", "list").out == "Nothing was imported yet.\n"


def test_rejects_that_are_not_needed_leave_nothing(acme: Kith, file: Path) -> None:
    where = file.parent / "rejects.csv"
    imported(acme, write(file, HEADER, ROMAIN), "--rejects", str(where))
    assert not where.exists()
    where.write_text("of yesterday")
    imported(acme, write(file, HEADER, ZOE), "--rejects", str(where))
    assert where.read_text() == "of yesterday"


def test_a_full_disk_for_the_rejects_hides_nothing(acme: Kith, file: Path) -> None:
    path = write(file, HEADER, ROMAIN, "17,,,,", *[f"12,{'x' * 200},,,"] * 200, ZOE)
    dry = acme("import", path, "--rejects", "/dev/full", "--dry-run")
    assert (dry.status, "203 rows: 2 would be created" in dry.out) == (1, True)
    done = acme("import", path, "--rejects", "/dev/full")
    assert (done.status, "203 rows: 2 created" in done.out) == (1, True)
    [import_id] = [one["id"] for one in acme("import", "list", "--json").json]
    assert f"kith import undo {import_id}" in done.out
    assert "No space left on device" in done.err
    assert f"kith import show {import_id}" in done.err


def test_rejects_are_for_nobody_elses_eyes(acme: Kith, file: Path) -> None:
    path, rejects = write(file, HEADER, "17,Bad,,,"), file.with_name("contacts.rejects.csv")
    acme("import", path, "--dry-run")
    assert rejects.stat().st_mode & 0o777 == 0o600
    rejects.unlink()
    acme("import", path)
    assert rejects.stat().st_mode & 0o777 == 0o600


def test_rejects_never_overwrite_the_file(acme: Kith, file: Path) -> None:
    path = write(file, "phone,name", "x,Ana")
    before = file.read_bytes()
    refused = acme("import", path, "--rejects", path)
    assert (refused.status, "--rejects" in refused.err) == (1, True)
    assert file.read_bytes() == before


async def test_the_import_of_a_file_tells_no_hook(
    bed: Bed, ana: Person, beside: Kith, file: Path
) -> None:
    known, new = "+14155550123", "+14155550124"
    agreed = "2026-03-01T10:00:00Z,newsletter form"
    assert ana.create_contact(phone=known).status_code == 201
    for event in ("contact.created", "contact.opted_in"):
        given = Subscribe(target_url="https://hooks.example.com/", event=event)  # type: ignore[arg-type]
        await bed.runner.write(hooks.subscribe, given, ana.caller)
    assert ana.workspace is not None
    path = write(file, "phone,opted_in_at,opted_in_source", f"{known},{agreed}", f"{new},{agreed}")
    assert beside("import", path, "--workspace", ana.workspace.id).status == 0
    assert ana.get_contact(phone=known).json()["opted_in_at"] == "2026-03-01T10:00:00+00:00"
    told = "SELECT COUNT(*) FROM deliveries WHERE tenant_id = :id"
    assert await bed.rows(told, id=ana.user.tenant_id) == [(0,)]


def test_a_server_on_the_same_file_waits_for_small_batches(tmp_path: Path) -> None:
    path = str(tmp_path / "kith.db")
    alone, beside = importing.ALONE["sqlite"], importing.BESIDE_A_SERVER["sqlite"]
    assert import_running._pace("sqlite", path, False) is alone
    assert import_running._pace("sqlite", path, True) is beside
    with ServerLock(path) as lock:
        lock.is_clean = True
        assert import_running._pace("sqlite", path, False) is beside
    assert import_running._pace("sqlite", path, False) is alone
    assert alone.batch_s > beside.batch_s
