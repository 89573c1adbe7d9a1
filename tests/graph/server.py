"""The server: what it was sent, what it answers, and what goes wrong in between."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.graph.http import Listener, Listening, Reply, Request, as_json
from tests.graph.rules import STATUS, VERSIONS, MetaError, Person, checked
from tests.graph.samples import TEMPLATES

TOKEN = "EAAG-a-token-of-nobody"
NUMBER_ID = "106540352242922"
ACCOUNT_ID = "102290129340398"
BUSINESS_PHONE = "+15550783881"
_FIELDS = ("id", "name", "language", "status", "category")


@dataclass(frozen=True)
class Call:
    """A message that was accepted, as it came; `wamid` is what it is called from then on."""

    body: dict[str, Any]
    wamid: str
    person: Person | None

    @property
    def callback(self) -> str | None:
        return self.body.get("biz_opaque_callback_data")


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one send.

    `code`: refused with it, as are `retry_after_s`, `status` and `is_transient`. `lost`: accepted,
    and the reply goes nowhere. `hung`: accepted, and no reply comes. `unread`: the connection ends
    before anything was accepted. `raw`: accepted, and this is the reply.
    """

    kind: str = "code"
    code: int = 0
    status: int | None = None
    retry_after_s: int | None = None
    is_transient: bool = False
    raw: Reply | None = None


@dataclass
class Media:
    data: bytes
    mime_type: str
    sha256: str = ""
    url: str = ""
    size: int = 0


@dataclass
class Graph(Listening):
    """`kith connect whatsapp` is given its url, token and ids. Every person not among `people`
    is on WhatsApp under the number that was dialled."""

    token: str = TOKEN
    number_ids: tuple[str, ...] = (NUMBER_ID,)
    account_id: str = ACCOUNT_ID
    templates: list[dict[str, Any]] = field(default_factory=lambda: list(TEMPLATES))
    people: list[Person] = field(default_factory=list)
    media: dict[str, Media] = field(default_factory=dict)
    page_size: int = 25
    next_fault: Callable[[dict[str, Any]], Fault | None] | None = None
    on_accepted: Callable[[Call], None] | None = None

    def __post_init__(self) -> None:
        self.calls: list[Call] = []
        self.attempts: list[dict[str, Any]] = []
        """Every body of a send, refused ones too."""
        self.refusals: list[MetaError] = []
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._wamids = count(1)
        self._lock = threading.Lock()
        self._listener = Listener(self._answer)

    def go_away(self) -> None:
        """Refuse every connection until `come_back`."""
        self._listener.stop_listening()

    def come_back(self) -> None:
        self._listener.start()

    def clear(self) -> None:
        with self._lock:
            for kept in (self.calls, self.attempts, self.refusals, self.requests, self.faults):
                kept.clear()

    def seen(self) -> dict[str | None, int]:
        """How often each message was accepted, by the sender's own id."""
        found: dict[str | None, int] = {}
        for call in list(self.calls):
            found[call.callback] = found.get(call.callback, 0) + 1
        return found

    def add_media(self, data: bytes, mime_type: str, **wrong: Any) -> str:
        media_id = f"{1_000_000_000 + len(self.media)}"
        given = Media(data, mime_type, hashlib.sha256(data).hexdigest(), size=len(data))
        for name, value in wrong.items():
            setattr(given, name, value)
        given.url = given.url or f"{self.url}/download/{media_id}"
        self.media[media_id] = given
        return media_id

    async def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        try:
            return self._routed(request)
        except MetaError as error:
            self.refusals.append(error)
            wait = error.retry_after_s
            headers = {} if wait is None else {"retry_after": str(wait)}
            return as_json(error.body, STATUS.get(error.code, 400), **headers)

    def _routed(self, request: Request) -> Reply:
        path = request.path
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise MetaError(190, "Invalid OAuth access token - Cannot parse access token")
        if match := re.fullmatch(r"/download/(\w+)", path):
            found = self.media.get(match[1])
            return Reply(200, found.data, {"content-type": found.mime_type}) if found else _gone()
        match = re.fullmatch(r"/v(\d+)\.0/(\w+)(?:/(\w+))?", path)
        if match is None or int(match[1]) not in VERSIONS:
            raise MetaError(2635, "You are calling a deprecated version of the Graph API")
        node, edge = match[2], match[3]
        if (request.method, edge) == ("POST", "messages") and node in self.number_ids:
            return self._sent(request)
        if (request.method, edge) == ("GET", "message_templates") and node == self.account_id:
            return self._listed(request)
        if (request.method, edge) == ("GET", None) and node in self.media:
            return self._described(node)
        raise MetaError(100, f"Unsupported request. Object with ID '{node}' does not exist")

    def _sent(self, request: Request) -> Reply:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise MetaError(100, "The body must be application/json")
        try:
            body = json.loads(request.body)
        except ValueError:
            raise MetaError(100, "The body is not JSON") from None
        with self._lock:
            self.attempts.append(body)
            fault = self.faults.pop(0) if self.faults else None
        if fault is None and self.next_fault is not None:
            fault = self.next_fault(body)
        if fault is not None and fault.kind == "unread":
            return Reply(then="drop")
        checked(body, self.templates)
        if fault is not None and fault.kind == "code":
            error = MetaError(
                fault.code,
                "As the test wants",
                retry_after_s=fault.retry_after_s,
                is_transient=fault.is_transient,
            )
            if fault.status is None:
                raise error
            self.refusals.append(error)
            return as_json(error.body, fault.status)
        reply = self._accepted(body)
        if fault is not None and fault.kind == "lost":
            return Reply(then="drop")
        if fault is not None and fault.kind == "hung":
            return Reply(then="hang")
        return fault.raw if fault is not None and fault.raw is not None else reply

    def _accepted(self, body: dict[str, Any]) -> Reply:
        person = self._recipient(body)
        number = f"{next(self._wamids):08d}"
        wamid = f"wamid.HBgL{hashlib.sha256(f'{id(self)} {number}'.encode()).hexdigest()[:24]}"
        call = Call(body, wamid, person)
        with self._lock:
            self.calls.append(call)
        if self.on_accepted is not None:
            self.on_accepted(call)
        named = {"input": body.get("to") or body["recipient"]}
        if "to" not in body:  # by an id: Meta tells no number then
            named["user_id"] = body["recipient"]
        else:
            named["wa_id"] = person.wa_id if person else body["to"].removeprefix("+")
            if person is not None and person.user_id:
                named["user_id"] = person.user_id
        return as_json(
            {
                "messaging_product": "whatsapp",
                "contacts": [named],
                "messages": [{"id": wamid, "message_status": "accepted"}],
            }
        )

    def _recipient(self, body: dict[str, Any]) -> Person | None:
        given = body.get("to")
        if given is not None and not given.startswith("+"):
            given = "+1" + given  # the business number's country code: somebody else
        for person in self.people:
            spellings = {person.phone, "+" + person.wa_id, *person.also}
            if given in spellings or (given is None and body["recipient"] == person.user_id):
                code = person.refused_spellings.get(given or "", person.refuses)
                if code is not None:
                    raise MetaError(code, "Refused for this person")
                return person
        return None

    def _listed(self, request: Request) -> Reply:
        asked = [name for name in request.query.get("fields", "").split(",") if name]
        limit = min(int(request.query.get("limit", self.page_size)), self.page_size)
        start = int(request.query.get("after", "0") or 0)
        page = self.templates[start : start + limit]
        shown = [{name: one[name] for name in {*_FIELDS, *asked} if name in one} for one in page]
        paging: dict[str, Any] = {}
        if page:
            paging = {"cursors": {"before": str(start), "after": str(start + len(page))}}
        if start + len(page) < len(self.templates):
            paging["next"] = "http://169.254.169.254/never-to-be-asked"
        return as_json({"data": shown, "paging": paging})

    def _described(self, media_id: str) -> Reply:
        found = self.media[media_id]
        return as_json(
            {
                "messaging_product": "whatsapp",
                "url": found.url,
                "mime_type": found.mime_type,
                "sha256": found.sha256,
                "file_size": found.size,
                "id": media_id,
            }
        )


def _gone() -> Reply:
    return Reply(404)


def faults_of(pattern: Iterator[Fault | None]) -> Callable[[dict[str, Any]], Fault | None]:
    """One after another, whatever is sent."""
    lock = threading.Lock()

    def chosen(_: dict[str, Any]) -> Fault | None:
        with lock:
            return next(pattern, None)

    return chosen
