"""Files that people send: fetched, checked, kept, given to their own workspace, and forgotten."""

import asyncio
import os
import time
from operator import not_
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from kith.actions import media as media_actions
from kith.actions.media import Fetched
from kith.actions.run import Runner
from kith.domain import media
from kith.domain.media import File
from kith.integrations.whatsapp.client import Graph as Client
from kith.jobs.guard import Guard
from kith.jobs.kinds import workers
from kith.jobs.sender import Sender
from kith.jobs.sweep import Sweep
from kith.store.files import Files
from tests.cast import Bed, Person
from tests.graph import Graph, webhooks
from tests.graph import Person as Somebody
from tests.meta import Meta
from tests.waits import await_until
from tests.whatsapp.sending import PHONE

ROMAIN = Somebody(PHONE)
OTHER = Somebody("+14155550124")
NOT_FOUND = {"error": "Media not found"}
DATA = b"\x89PNG" + bytes(range(256)) * 2_000


def sent(media_id: str, kind: str = "image", person: Somebody = ROMAIN, **more: Any) -> bytes:
    given = {"id": media_id, "mime_type": "image/png", **more}
    return webhooks.inbound(person, {"type": kind, kind: given}, at=time.time())


async def jobs_done(bed: Bed, person: Person) -> list[str]:
    """Why those that failed for good did, when nothing else is to be done."""
    sql = (
        "SELECT gave_up_at, problem FROM jobs WHERE tenant_id = :tenant_id"
        " AND kind IN ('fetch_media', 'remove_file')"
    )
    found = await await_until(
        lambda: bed.rows(sql, tenant_id=person.user.tenant_id),
        "an end of the jobs",
        is_so=lambda found: all(row[0] is not None for row in found),
    )
    return [row[1] for row in found]


def messages(person: Person, phone: str = PHONE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.post("list-messages", {"phone": phone}).json()["messages"]
    return found


async def kept(bed: Bed, person: Person) -> list[str]:
    rows = await bed.rows(
        "SELECT sha256 FROM media WHERE tenant_id = :tenant_id ORDER BY message_id",
        tenant_id=person.user.tenant_id,
    )
    return [row[0] for row in rows]


async def test_a_file_is_fetched_and_given_as_a_download(
    bed: Bed, ana: Person, ben: Person, mallory: Person, graph: Graph, meta: Meta
) -> None:
    await meta.told(sent(graph.add_media(DATA, "image/png; codecs=x"), caption="Look"))
    assert await jobs_done(bed, ana) == []
    [message] = messages(ana)
    url = message["content"]["url"]
    assert url == f"/api/v1/media?message_id={message['id']}"
    for person in (ana, ben):
        answer = person.get(url)
        assert (answer.status_code, answer.content) == (200, DATA)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    unknown = mallory.get(f"/api/v1/media?message_id={uuid4()}")
    foreign = mallory.get(url)
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
    assert foreign.json() == NOT_FOUND
    assert bed.nobody.get(url).status_code == 401
    assert ana.get("/api/v1/media").status_code == 422
    assert ana.get("/api/v1/media?message_id=x").status_code == 422


@pytest.mark.row("T4.1", "G19", "R9")
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"sha256": "0" * 64}, "not the one"),
        ({"sha256": "nonsense"}, "not the one"),
        ({"url": "https://169.254.169.254/latest"}, "not Meta's"),
        ({"url": "https://fbsbx.com.evil.example.com/x"}, "not Meta's"),
        ({"url": "http://lookaside.fbsbx.com/x"}, "not Meta's"),
        ({"url": "https://lookaside.fbsbx.com:444/x"}, "not Meta's"),
        ({"url": "https://user@lookaside.fbsbx.com/x"}, "not Meta's"),
        ({"url": "file:///etc/passwd"}, "not Meta's"),
        ({"size": 5 * media.MIB + 1}, "larger"),
        ({"bytes": b"x" * (5 * media.MIB + 1), "size": 1}, "larger"),
        ({"mime_type": "text/html"}, "is text/html, which WhatsApp does not allow for image"),
        ({"mime_type": "nonsense"}, "is application/octet-stream, which"),
    ],
)
async def test_what_must_not_be_kept_is_not(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, wrong: dict[str, Any], problem: str
) -> None:
    wrong = dict(wrong)
    data, mime_type = wrong.pop("bytes", DATA), wrong.pop("mime_type", "image/png")
    await meta.told(sent(graph.add_media(data, mime_type, **wrong)))
    [told] = await jobs_done(bed, ana)
    assert problem in told
    [message] = messages(ana)
    assert (message["content"]["url"], message["content"]["problem"]) == (None, told)
    answer = ana.get(f"/api/v1/media?message_id={message['id']}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert not [r for r in graph.requests if r.path.startswith("/latest")]


async def test_an_erasure_removes_what_nobody_else_has_sent(
    bed: Bed, ana: Person, graph: Graph, meta: Meta, media_dir: Path
) -> None:
    shared, own = graph.add_media(DATA, "image/png"), graph.add_media(DATA + b"!", "image/png")
    await meta.told(sent(shared), sent(own), sent(shared, person=OTHER))
    assert await jobs_done(bed, ana) == []
    before = await kept(bed, ana)
    assert (len(before), len(set(before))) == (3, 2)
    urls = {phone: [m["content"]["url"] for m in messages(ana, phone)] for phone in (
        PHONE, OTHER.phone,
    )}  # fmt: skip
    assert ana.post("delete-contact", {"phone": PHONE}).is_success
    assert await jobs_done(bed, ana) == []
    assert len(await kept(bed, ana)) == 1
    assert [ana.get(url).status_code for url in urls[PHONE]] == [404, 404]
    assert ana.get(urls[OTHER.phone][0]).content == DATA
    folder = media_dir / ana.workspace.id
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names == set(await kept(bed, ana))


async def test_what_is_deleted_in_whatsapp_goes(
    bed: Bed, ana: Person, graph: Graph, meta: Meta
) -> None:
    await meta.told(sent(graph.add_media(DATA, "image/png")))
    assert await jobs_done(bed, ana) == []
    [message] = messages(ana)
    revoked = {"original_message_id": message["whatsapp_message_id"]}
    await meta.told(webhooks.inbound(ROMAIN, {"type": "revoke", "revoke": revoked}, at=time.time()))
    assert await jobs_done(bed, ana) == []
    assert await kept(bed, ana) == []
    assert ana.get(message["content"]["url"]).status_code == 404


@pytest.mark.parametrize("gone", ["erased", "deleted"])
async def test_what_goes_while_it_is_fetched_is_not_kept(
    bed: Bed, ana: Person, meta: Meta, gone: str
) -> None:
    """A file that others have sent as well stays theirs: the ordinary removal decides."""
    await meta.told(webhooks.text(ROMAIN, "Hi", at=time.time() - 9, wamid="wamid.file"))
    [(uuid,)] = await bed.rows(
        "SELECT uuid FROM messages WHERE tenant_id = :id AND wamid = 'wamid.file'",
        id=ana.user.tenant_id,
    )
    if gone == "erased":
        assert ana.post("delete-contact", {"phone": ROMAIN.phone}).status_code == 200
    else:
        await bed.change("UPDATE messages SET deleted_at = 1 WHERE uuid = :uuid", uuid=uuid)
    fetched = Fetched(uuid, File(folder="f", sha256="0" * 64, mime_type="image/png", size=1))
    await bed.runner.write(media_actions.keep, fetched, ana.caller)
    assert await kept(bed, ana) == []


@pytest.mark.parametrize(
    ("kind", "told", "is_kept"),
    [
        ("image", "image/jpeg", True),
        ("image", "image/svg+xml", False),
        ("image", "image/webp", False),
        ("sticker", "image/webp", True),
        ("sticker", "image/svg+xml", False),
        ("audio", "audio/ogg; codecs=opus", True),
        ("audio", "AUDIO/MPEG", True),
        ("audio", "text/html", False),
        ("video", "video/3gpp", True),
        ("video", "video/webm", False),
        ("document", "application/zip", True),
        ("document", "no type", True),
    ],
)
def test_each_type_of_message_has_its_types_of_files(kind: str, told: str, is_kept: bool) -> None:
    assert media.is_type_of(kind, media.mime_type(told)) is is_kept


def test_the_token_goes_to_meta_and_nowhere_else() -> None:
    graph_url = "https://graph.facebook.com"
    for url in ("https://lookaside.fbsbx.com/a?b=c", "https://scontent.xx.fbcdn.net/v/x",
                "https://graph.facebook.com/v24.0/1"):  # fmt: skip
        assert media.may_be_asked(url, graph_url=graph_url)
    for url in ("https://evilfbsbx.com/", "https://fbsbx.com.evil.com/", "http://fbsbx.com/", "",
                "https://127.0.0.1/", "https://[::1]/", "https://fbsbx.com@evil.com/", "fbsbx.com",
                "https://graph.facebook.com:8443/"):  # fmt: skip
        assert not media.may_be_asked(url, graph_url=graph_url)


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    files = Files(tmp_path)
    writing = files.begin("a")
    writing.write(b"one")
    with pytest.raises(FileNotFoundError):
        files.pieces("a", writing.sha256)
    writing.keep()
    again = files.begin("a")
    again.write(b"one")
    again.keep()
    assert b"".join(files.pieces("a", writing.sha256)) == b"one"
    dropped = files.begin("a")
    dropped.write(b"two")
    dropped.drop()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [writing.sha256]
    files.remove("a", writing.sha256)
    files.remove("a", writing.sha256)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_what_a_worker_that_died_left_goes_and_nothing_else(bed: Bed, tmp_path: Path) -> None:
    """A day after the last byte it is in nobody's work."""
    files = Files(tmp_path)
    whole = files.begin("a")
    whole.write(b"one")
    whole.keep()
    left, fresh = files.begin("a"), files.begin("b")
    for writing in (left, fresh):
        writing.write(b"two")
    parts = sorted(tmp_path.glob("*/.*"))
    assert len(parts) == 2
    assert {path.stat().st_mode & 0o777 for path in parts} == {0o600}
    assert not [path for path in parts if str(os.getpid()) in path.name]
    long_ago = time.time() - 86_400 - 60
    for path in (parts[0], *tmp_path.glob("a/*/*")):
        os.utime(path, (long_ago, long_ago))
    runner = Runner(bed.runner.database, files=files)
    with capture_logs() as logged:
        for _ in range(2):
            await Sweep(runner).once()
    assert [(line["event"], line["count"]) for line in logged] == [("files.swept", 1)]
    assert not parts[0].exists()
    fresh.keep()
    assert b"".join(files.pieces("b", fresh.sha256)) == b"two"
    assert b"".join(files.pieces("a", whole.sha256)) == b"one"
    left.drop()


async def test_a_worker_sweeps_from_its_start_on(bed: Bed, tmp_path: Path) -> None:
    left = Files(tmp_path).begin("a")
    os.utime(next(tmp_path.glob("*/.*")), (0, 0))
    runner = Runner(bed.runner.database, files=Files(tmp_path))
    client = Client()
    each = workers(runner, Guard(()), Sender(runner, client), client)
    running = [asyncio.create_task(one.run()) for one in each if isinstance(one, Sweep)]

    async def parts() -> list[Path]:
        return list(tmp_path.glob("*/.*"))

    await await_until(parts, "an end of the file", is_so=not_)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await client.close()
    left.drop()
