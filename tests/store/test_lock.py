"""One server per file, and a memory of how the last one stopped."""

from pathlib import Path

import pytest

from kith.errors import CannotStart
from kith.store.lock import ServerLock, is_taken


@pytest.mark.row("S2")
def test_two_names_of_one_file_are_one_lock(tmp_path: Path) -> None:
    (tmp_path / "kith.db").touch()
    (tmp_path / "other.db").symlink_to(tmp_path / "kith.db")
    with (
        ServerLock(str(tmp_path / "kith.db")),
        pytest.raises(CannotStart, match="Another Kith server"),
        ServerLock(str(tmp_path / "other.db")),
    ):
        pass


@pytest.mark.row("S10")
def test_a_check_that_is_owed_stays_owed_until_it_was_made(tmp_path: Path) -> None:
    path = str(tmp_path / "kith.db")
    with ServerLock(path) as lock:
        assert not lock.found_unclean_stop
    Path(path + ".lock").write_text("running\n")
    with ServerLock(path) as lock:  # stops before the check ended
        assert lock.found_unclean_stop
    with ServerLock(path) as lock:
        assert lock.found_unclean_stop
        lock.is_clean = True
    with ServerLock(path) as lock:
        assert not lock.found_unclean_stop


def test_whether_a_server_has_the_file_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    (tmp_path / "kith.db").touch()
    (tmp_path / "other.db").symlink_to(tmp_path / "kith.db")
    path = str(tmp_path / "other.db")
    assert not is_taken(path)
    with ServerLock(str(tmp_path / "kith.db")) as lock:
        lock.is_clean = True
        assert is_taken(path)
    assert not is_taken(path)


def test_a_lock_that_may_not_be_read_is_taken(tmp_path: Path) -> None:
    """Another user's; a folder stands for it here, which root may not read either."""
    (tmp_path / "kith.db.lock").mkdir()
    assert is_taken(str(tmp_path / "kith.db"))
