"""Answers to calls that may be repeated: rendered once, kept, and given again byte for byte."""

from kith.actions.run import Once, Runner, Terms
from kith.api import answers
from kith.api.answers import Answer, Header
from kith.api.routes import Route, contact_of
from kith.domain import idempotency, json
from kith.domain.contacts import Contact
from kith.domain.idempotency import Kept
from kith.domain.tokens import Caller
from kith.errors import StillRunning

REPEATED: Header = (b"idempotency-replayed", b"true")


def rendered(route: Route, result: object) -> Answer:
    """The answer that a result of the route's action becomes."""
    etag = route.etag(result) if route.etag is not None else None
    shown = route.gives(result)
    if shown is None and etag is not None:
        return answers.unchanged(etag)
    if isinstance(shown, Answer):  # no JSON
        return shown
    status = route.also(result) if route.also is not None else route.status
    return Answer(status, json.encode(shown), etag=etag)


class RepeatableCalls:
    """Calls with an Idempotency-Key (row T3.6)."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._running: set[tuple[int | None, str, str]] = set()

    async def once(
        self, route: Route, given: object, caller: Caller, terms: Terms, *, key: str, body: bytes
    ) -> Answer:
        """The answer of the first call with this key. Raises StillRunning, KeyReused."""
        secret_key = self._runner.secret_key()
        if route.hides_key:
            key = idempotency.digest(key.encode(), secret_key=secret_key)
        call = (caller.tenant_id, route.name, key)
        if call in self._running:
            raise StillRunning()
        self._running.add(call)
        try:
            kept, is_repeat = await self._runner.write_once(
                route.action,
                given,
                caller,
                Once(
                    name=route.name,
                    key=key,
                    body_digest=idempotency.digest(body, secret_key=secret_key),
                    answer=lambda result: _kept(route, result),
                ),
                terms,
            )
        finally:
            self._running.discard(call)
        headers = (*answers.JSON_HEADERS, REPEATED) if is_repeat else answers.JSON_HEADERS
        return Answer(kept.status, kept.body, headers, etag=kept.etag)


def _kept(route: Route, result: object) -> Kept:
    answer, one = rendered(route, result), contact_of(result)
    return Kept(
        status=answer.status,
        body=answer.body,
        etag=answer.etag,
        contact_id=one.id if isinstance(one, Contact) else None,
        other_id=getattr(result, "other_id", None),
    )
