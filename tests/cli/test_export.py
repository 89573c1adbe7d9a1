"""`kith export FILE`: a whole new file, or none."""

from pathlib import Path

import pytest

from tests.cli.kith import Kith

NO_SPACE = "import os, errno\ndef full(_): raise OSError(errno.ENOSPC, '')\nos.fsync = full"


@pytest.fixture
def acme(kith: Kith) -> Kith:
    kith("init", "--workspace", "Acme", "--email", "ana@example.com")
    kith("contact", "create", "--phone", "+14155550123", "--name", "Romain")
    return kith


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Without the database, which lies there on SQLite."""
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_only_the_owner_may_read_it(acme: Kith, folder: Path) -> None:
    path = folder / "everybody.csv"
    done = acme("export", str(path))
    assert (done.status, done.out) == (0, "")
    assert done.err == f"1 contacts are in {path}, which only you may read.\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == acme.process("export").out
    assert list(folder.iterdir()) == [path]


def test_a_file_that_is_there_is_left_alone(acme: Kith, folder: Path) -> None:
    path, dangling = folder / "contacts.csv", folder / "dangling.csv"
    path.write_text("mine")
    dangling.symlink_to(folder / "elsewhere.csv")
    for there in (path, dangling):
        refused = acme("export", str(there))
        assert (refused.status, refused.out) == (1, "")
        assert refused.err == f"kith: {there} exists already; give FILE another name.\n"
    assert path.read_text() == "mine"
    assert sorted(folder.iterdir()) == [path, dangling]
    assert dangling.is_symlink()


def test_what_is_refused_leaves_nothing(acme: Kith, folder: Path) -> None:
    refused = acme("export", str(folder / "everybody.csv"), "--workspace", "Typo")
    assert (refused.status, refused.err) == (1, "kith: There is no workspace Typo.\n")
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(acme: Kith, folder: Path) -> None:
    path = folder / "everybody.csv"
    refused = acme.process("export", str(path), before=NO_SPACE)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == f"kith: {path} cannot be written: No space left on device.\n"
    assert list(folder.iterdir()) == []
