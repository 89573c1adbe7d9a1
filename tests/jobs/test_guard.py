"""Nothing inside is ever called: not by any spelling, not by any name, not on the second look."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from operator import not_
from pathlib import Path
from threading import Thread

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kith import wiring
from kith.domain import targets, urls
from kith.errors import BadValue
from kith.jobs.guard import Blocked, Guard
from kith.jobs.post import Posted, Poster
from kith.settings import Settings
from tests.api.test_hooks import subscribe
from tests.cast import Bed
from tests.jobs import corpus
from tests.receiver import Receiver, receiving
from tests.serving import serving
from tests.waits import await_until

PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")


class Listener:
    """Counts who connects, on IPv4 and IPv6, whatever the address on this machine."""

    def __init__(self) -> None:
        self.count = 0
        self._sockets = [socket.create_server(("0.0.0.0", 0))]
        self.port = self._sockets[0].getsockname()[1]
        if socket.has_dualstack_ipv6():
            self._sockets.append(socket.create_server(("::", self.port), family=socket.AF_INET6))
        self._threads = [Thread(target=self._accept, args=(one,)) for one in self._sockets]
        for thread in self._threads:
            thread.start()

    def _accept(self, one: socket.socket) -> None:
        while True:
            try:
                connection, _ = one.accept()
            except OSError:
                return
            self.count += 1  # whoever is hung up on may look at once
            connection.close()

    def close(self) -> None:
        for one in self._sockets:
            one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    running = Listener()
    with socket.create_connection(("127.0.0.1", running.port)):
        pass
    while not running.count:
        pass
    running.count = 0
    yield running
    running.close()


@pytest.fixture(scope="module")
async def closed(
    tmp_path_factory: pytest.TempPathFactory, http: httpx.Client
) -> AsyncIterator[Bed]:
    """A server whose operator allows nothing."""
    directory = tmp_path_factory.mktemp("closed")
    url = f"sqlite:///{directory}/kith.db"
    with serving(
        Path(directory) / "server.log",
        database_url=url,
        rate_limit_per_minute=0,
        rate_limit_per_address=0,
    ) as running:
        async with wiring.opened(Settings(database_url=url)) as runner:
            yield Bed(running, runner, http)


@pytest.mark.row("T4.1", "T4.2", "G19")
async def test_no_spelling_of_an_address_inside_is_taken(closed: Bed, listener: Listener) -> None:
    """Each refused where it is given, with the field and one and the same words."""
    ana = await closed.owner("Ana")
    given = corpus.urls(listener.port)
    assert len(set(given)) >= 500
    said = set()
    for url in given:
        answer = subscribe(ana, url)
        assert answer.status_code == 422, url
        assert list(answer.json()["errors"]) == ["target_url"], url
        said.add(answer.json()["errors"]["target_url"][0])
    assert listener.count == 0
    assert len(said) <= 5  # which of them is there, nobody is told
    assert await closed.rows("SELECT 1 FROM hooks") == []


@pytest.mark.row("T4.1", "T4.2", "G19")
async def test_nor_is_one_called_that_came_in_otherwise(closed: Bed, listener: Listener) -> None:
    """As if each had been stored before the rules: by the server, with all that it runs on."""
    ana = await closed.owner("Ana")
    given = list(dict.fromkeys(corpus.urls(listener.port)))
    for number, url in enumerate(given):
        await closed.change(
            "INSERT INTO hooks (tenant_id, uuid, event, target_url, token_id, created_at)"
            " VALUES (:tenant_id, :uuid, 'contact.created', :url, :token_id, 0)",
            tenant_id=ana.user.tenant_id,
            uuid=f"hook-{number}",
            url=url,
            token_id=ana.token_id,
        )
    ana.create_contact(phone="+14155550123")
    untried = "SELECT 1 FROM deliveries WHERE tries = 0 LIMIT 1"
    await await_until(lambda: closed.rows(untried), "a try of each", is_so=not_)
    failed = [line for line in closed.serving.log() if line["event"] == "hook.failed"]
    assert {line["hook_id"] for line in failed} == {f"hook-{n}" for n in range(len(given))}
    assert {line["reason"] for line in failed} == {"blocked"}
    assert listener.count == 0
    await closed.change("DELETE FROM hooks WHERE tenant_id = :id", id=ana.user.tenant_id)


def test_what_is_public() -> None:
    inside = (*corpus.INSIDE_4, *corpus.INSIDE_6, "fe80::1%eth0", "2606::1%eth0", "x", "")
    assert [one for one in inside if urls.is_public(one)] == []
    assert [one for one in PUBLIC if not urls.is_public(one)] == []


class Resolver:
    """A name server that says what the test wants, each time the next."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.mark.row("T4.2")
@pytest.mark.parametrize("inside", ["127.0.0.1", "::1", "10.0.0.1", "::ffff:127.0.0.1", "fe80::1"])
@pytest.mark.parametrize("place", [0, 1])
async def test_one_bad_answer_of_many_is_enough(inside: str, place: int) -> None:
    answers = list(PUBLIC)
    answers.insert(place, inside)
    guard = Guard((), Resolver(answers))
    with pytest.raises(Blocked):
        await guard.address(targets.read("https://hooks.example.com/x"))


@pytest.mark.row("T4.2")
async def test_a_name_is_asked_for_once_and_what_was_checked_is_called(
    listener: Listener,
) -> None:
    """A name that is public while it is checked and inside a moment later: rebinding."""
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    guard = Guard([ip_network("127.0.0.1/32")], resolver)
    posted = await Poster(guard).post(f"http://rebinds.example.com:{listener.port}/", b"", {})
    assert posted == Posted(None, "unreachable") or posted.trouble == "bad_answer"
    assert resolver.asked == 1
    assert listener.count == 1  # at the address that was checked
    assert (await Poster(guard).post("http://rebinds.example.com/", b"", {})).trouble == "blocked"


@pytest.mark.parametrize("answer", [[], ["x"]])
async def test_a_name_of_nobody_is_blocked(answer: list[str]) -> None:
    with pytest.raises(BadValue):
        await Guard((), Resolver(answer)).check("https://nobody.example.com/")


async def test_a_name_server_that_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr("kith.jobs.guard.RESOLVE_S_MAX", 0.05)
    with pytest.raises(Blocked):
        await Guard((), hang).address(targets.read("https://slow.example.com/"))


@pytest.mark.row("T4.2")
def test_an_address_of_this_machine_is_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it be public: what listens on it need not be meant for everybody."""
    monkeypatch.setattr("kith.domain.urls.is_public", lambda _: True)
    target = targets.read("https://here.example.com/")
    assert not Guard(())._may_be_called(target, ip_address("127.0.0.1"))
    assert Guard([ip_network("127.0.0.0/8")])._may_be_called(target, ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "network", "is_called"),
    [
        ("http://127.0.0.1:{port}/", "127.0.0.1/32", True),
        ("http://localhost:{port}/", "127.0.0.0/8, ::1/128", True),
        ("http://2130706433:{port}/", "127.0.0.1/32", True),
        ("http://127.0.0.1:{port}/", "127.0.0.2/32", False),
        ("http://[::ffff:127.0.0.1]:{port}/", "127.0.0.1/32", False),
    ],
)
async def test_the_operator_may_allow_single_networks(
    url: str, network: str, is_called: bool
) -> None:
    with receiving() as receiver:
        networks = [ip_network(part.strip()) for part in network.split(",")]
        port = receiver.url.rpartition(":")[2]
        posted = await Poster(Guard(networks)).post(url.replace("{port}", port), b"{}", {})
        assert posted.is_success == bool(receiver.got) == is_called


async def test_the_host_stays_the_name() -> None:
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        guard = Guard([ip_network("127.0.0.1/32")], Resolver(["127.0.0.1"]))
        headers = {"x-mine": "1"}
        posted = await Poster(guard).post(
            f"http://Hooks.Example.com:{port}/a?b=c", b"body", headers
        )
        assert posted.is_success
        (got,) = receiver.got
        assert (got.path, got.body) == ("/a?b=c", b"body")
        assert got.headers["host"] == f"hooks.example.com:{port}"
        assert got.headers["x-mine"] == "1"


@pytest.mark.row("T4.2")
@pytest.mark.parametrize(
    ("host", "trouble"), [("hooks.example.com", None), ("other.example.com", "unreachable")]
)
async def test_the_certificate_must_be_the_name_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trouble: str | None
) -> None:
    """Though an address is what is connected to; and the name is what the server is asked for."""
    asked: list[str] = []
    certificate_of("hooks.example.com", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with receiving(tls=tmp_path, asked=asked) as receiver:
        port = int(receiver.url.rpartition(":")[2])
        guard = Guard([ip_network("127.0.0.1/32")], Resolver(["127.0.0.1"]))
        posted = await Poster(guard).post(f"https://{host}:{port}/", b"", {})
    assert posted.trouble == trouble
    assert asked == [host]


def certificate_of(name: str, directory: Path) -> None:
    """One that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(secret)


@contextmanager
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, receiver.url)
        yield receiver


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask for the name a second time, and elsewhere."""
    with proxied(monkeypatch) as proxy, receiving() as receiver:
        posted = await Poster(Guard([ip_network("127.0.0.1/32")])).post(receiver.url, b"", {})
        assert posted.is_success
        assert (len(proxy.got), len(receiver.got)) == (0, 1)
