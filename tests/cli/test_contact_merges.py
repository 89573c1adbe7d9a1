"""`kith contact duplicates`, `merge` and `unmerge`."""

from typing import Any

import pytest

from tests.cli.kith import Kith


@pytest.fixture
def acme(kith: Kith) -> Kith:
    """Commands where Acme Co. is the only workspace, and Ana its only user."""
    kith("init", "--workspace", "Acme Co.", "--email", "ana@example.com")
    return kith


@pytest.fixture
def both(acme: Kith) -> list[str]:
    """Romain, twice: of the two only the first has a tag."""
    made = []
    for number, tags in enumerate(("vip", "")):
        phone = f"+1415555012{number}"
        given = ("--phone", phone, "--email", "romain@example.com", "--tags", tags, "--json")
        answer: dict[str, Any] = acme("contact", "create", *given).json
        made.append(str(answer["id"]))
    return made


def test_from_found_to_merged_and_back(acme: Kith, both: list[str]) -> None:
    gone, kept = both
    [one] = acme("contact", "duplicates", "--json").json["duplicates"]
    assert one["contact"]["id"] == gone
    assert [other["contact"]["id"] for other in one["others"]] == [kept]
    would = acme("contact", "merge", gone, kept, "--dry-run", "--json").json
    assert would["merge_id"] is None
    assert acme("contact", "get", "--id", gone, "--json").json["id"] == gone
    done = acme("contact", "merge", gone, kept, "--json").json
    assert {**done, "merge_id": None} == would
    found = acme("contact", "get", "--id", gone, "--expand", "merged_from", "--json").json
    assert (found["id"], found["merged_from"][0]["id"]) == (kept, gone)
    undone = acme("contact", "unmerge", "--merge", done["merge_id"], "--json").json
    assert (undone["contact"]["id"], undone["survivor"]["id"]) == (gone, kept)


def test_for_people(acme: Kith, both: list[str]) -> None:
    gone, kept = both
    out = acme("contact", "duplicates").out
    assert gone in out
    assert "email" in out
    assert "would live on" in acme("contact", "merge", gone, kept, "--dry-run").out
    assert f"{gone} lives on in {kept}" in acme("contact", "merge", gone, kept).out
    assert gone in acme("contact", "get", "--id", kept, "--expand", "merged_from").out
    assert acme("contact", "duplicates").out == "Nobody is there twice.\n"
    assert f"{gone} is back" in acme("contact", "unmerge", "--id", gone).out


def test_refused(acme: Kith, both: list[str]) -> None:
    itself = acme("contact", "merge", both[0], both[0])
    assert (itself.status, itself.out) == (1, "")
    assert acme("contact", "unmerge").status == 2
    assert acme("contact", "unmerge", "--id", both[0]).status == 1
