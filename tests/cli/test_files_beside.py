"""The key file and the folder of files: told at the start, not when they are needed."""

import os
from pathlib import Path

import httpx
import pytest

from tests.cli.kith import Kith
from tests.cli.modes import BY_MODES, mode
from tests.serving import serving

NOBODY = 65_534


@pytest.fixture
def own(sqlite_url: str) -> Kith:
    kith = Kith(database_url=sqlite_url)
    assert kith("init", "--workspace", "Acme", "--email", "a@b.example").status == 0
    return kith


# The key file


@pytest.mark.parametrize(
    ("text", "bits", "told"),
    [
        (
            "the-key",
            0o000,
            "cannot be read: Permission denied. Give it to the user that runs Kith.",
        ),
        ("", 0o600, "is empty: put your copy of it back."),
    ],
)
def test_a_key_file_that_gives_no_key(
    own: Kith, tmp_path: Path, text: str, bits: int, told: str
) -> None:
    key = tmp_path / "kith.db.key"
    key.write_text(text)
    key.chmod(bits)
    refusal = f"The key file {key} {told}"
    stopped = own.process("serve", "--port", "0", before=BY_MODES)
    assert (stopped.status, stopped.out, stopped.err) == (78, "", f"kith: {refusal}\n")
    made = own.process("connect", "shopify", "--secret", "hush", before=BY_MODES)
    assert (made.status, made.out, made.err) == (1, "", f"kith: {refusal}\n")
    checked = own.process("check", before=BY_MODES)
    assert (checked.status, f"FAILED  key: {refusal}\n" in checked.out) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_key_that_root_makes_is_the_server_s(own: Kith, tmp_path: Path) -> None:
    for file in (tmp_path, *tmp_path.iterdir()):
        os.chown(file, NOBODY, NOBODY)
    assert own("connect", "shopify", "--secret", "hush").status == 0
    key = tmp_path / "kith.db.key"
    assert (key.stat().st_uid, key.stat().st_gid, mode(key)) == (NOBODY, NOBODY, 0o600)


def test_a_key_file_that_comes_while_a_server_runs(
    own: Kith, tmp_path: Path, http: httpx.Client
) -> None:
    """As one of another user's: the connection is away, and the log says so."""
    with serving(tmp_path / "log", **own.settings, rate_limit_per_minute=0) as running:
        assert own("connect", "shopify", "--secret", "hush").status == 0
        [made] = own("connect", "list", "--json").json
        (tmp_path / "kith.db.key").rename(tmp_path / "mine")
        (tmp_path / "kith.db.key").mkdir()  # which nobody can read as a file, not even root
        answer = http.post(running.url + made["path"], content=b"{}")
        assert answer.status_code == 404
        running.logged("connection.sealed", connection_id=made["connection"])
        turned = own("connect", "rotate", made["connection"], "--secret", "new")
        assert (turned.status, "kith.db.key cannot be read: Is a directory" in turned.err) == (
            1,
            True,
        )


# The files that people sent


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_media_folder_that_takes_no_files(kith: Kith, tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / ("file" if kind == "a file" else "file/media"))
    kith = Kith(**kith.settings | {"media_dir": folder})
    assert kith("migrate").status == 0
    for command in (("serve", "--port", "0"), ("work",)):
        stopped = kith.process(*command)
        assert (stopped.status, stopped.out) == (78, "")
        assert f"kith: KITH_MEDIA_DIR is {folder!r}, where no files can be kept: " in stopped.err
    checked = kith("check")
    assert (checked.status, "FAILED  files: " in checked.out) == (1, True)


def test_a_media_folder_is_made_at_the_start(kith: Kith, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "media"
    kith = Kith(**kith.settings | {"media_dir": folder})
    assert kith("migrate").status == 0
    assert f"FAILED  files: there is no folder {folder} yet" in kith("check").out
    assert not folder.exists()
    with serving(tmp_path / "log", **kith.settings):
        assert f"ok      files: {folder} takes files\n" in kith("check").out
    assert (mode(folder), list(folder.iterdir())) == (0o700, [])
