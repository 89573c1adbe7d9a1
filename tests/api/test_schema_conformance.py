"""Requests made from the OpenAPI document, good and bad: every answer keeps the document's word.

In process, on a real SQLite file; the other tests of this folder cross a socket.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python import asgi
from schemathesis.python._constants.orchestrator import make_constants_value_source
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from kith import wiring
from kith.actions import contacts, merges, tokens, workspaces
from kith.actions.merges import MergeContacts
from kith.actions.run import Context
from kith.api import body, openapi
from kith.domain.contacts import SaveContact
from kith.domain.phone import Phone
from kith.settings import Settings

CASES = int(os.environ.get("KITH_TEST_SCHEMA_CASES", "300"))
"""In all, shared out among the operations."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    ignored_auth,
    unsupported_method,
    allow_header_conformance,
]

KNOWN = {
    "contact_id": str(UUID(int=1)),
    "phone": "+14155550123",
    "email": "romain@example.com",
}
GOOD = {
    "tag": "vip", "tags": "vip, fr-FR", "metadata": {"a": 1}, "expand": ["history"],
    "kind": "external", "value": "shop:1",
}  # fmt: skip
MERGED_ID, OTHER_ID = str(UUID(int=2)), str(UUID(int=3))
"""Somebody who was merged into the one of KNOWN, and somebody else."""
KEYS = [{name: value} for name, value in KNOWN.items()]
BY_META = ("/send-text-message", "/send-template-message", "/get-template", "/media")
"""They succeed with an account at Meta only: tests/whatsapp and tests/api/test_templates.py."""
FILE = b"phone,name\n+14155550123,Romain\n12,Nobody\n"


class App:
    """Kith as an ASGI application that opens its own database when it starts."""

    def __init__(self) -> None:
        self.settings = Settings(rate_limit_per_minute=0)
        self.token = ""
        self.statuses: set[int] = set()
        self.paths: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return

        self.paths.add(scope["path"])

        async def noting(message: Any) -> None:
            self.statuses.add(message.get("status"))
            await send(message)

        await self._server(scope, receive, noting)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with wiring.serving(self.settings, on_broken=lambda: None) as self._server:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _populate(ctx: Context, _: None) -> str:
    """One workspace with the one contact that KNOWN describes."""
    given = workspaces.NewWorkspace(name="Acme Co.", email="ana@example.com", user_name="Ana")
    workspace, user = await workspaces.create(ctx, given)
    for uuid, contact in (
        (KNOWN["contact_id"], SaveContact(phone=Phone(KNOWN["phone"]), email=KNOWN["email"])),
        (MERGED_ID, SaveContact(phone=Phone("+14155550124"))),
        (OTHER_ID, SaveContact(phone=Phone("+14155550125"))),
    ):
        first = iter([uuid])
        inside = msgspec.structs.replace(
            ctx,
            tenant_id=workspace.row_id,
            new_id=lambda first=first: next(first, None) or ctx.new_id(),
        )
        await contacts.save(inside, contact)
    of_one = MergeContacts(contact_id=MERGED_ID, into=KNOWN["contact_id"])
    await merges.merge(inside, of_one)
    issued = await tokens.issue(
        ctx, user, tokens.NewToken(email=user.email, name="tests", scope="admin")
    )
    return issued.token


DOCUMENT = msgspec.json.decode(msgspec.json.encode(openapi.document()))
app = App()
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = app
schemathesis.serializer.alias("text/csv", "application/octet-stream")
TRIED = [
    (path, method.upper())
    for path, item in DOCUMENT["paths"].items()
    for method in item
    # The many options of an upload take as long as ten other operations: in the long run only.
    if CASES > 300 or not path.endswith("/import-contacts")
]


@schema.hook
def flatmap_body(context: Any, body: Any) -> st.SearchStrategy[Any]:
    """Nothing made up would ever be found: let some bodies name the contact there is."""
    if context.operation.path.endswith("/import-contacts"):
        return st.sampled_from([FILE, body])
    if not isinstance(body, dict):
        return st.just(body)
    if context.operation.path.endswith("/unmerge-contacts"):
        return st.sampled_from([{"contact_id": MERGED_ID}, body])
    if "into" in body:
        return st.sampled_from([{"contact_id": OTHER_ID, "into": KNOWN["contact_id"]}, body])
    if "contacts" in body:
        return st.sampled_from([body, {"contacts": [{"phone": KNOWN["phone"]}, *KEYS]}])
    found = [
        {**{k: v for k, v in body.items() if k not in KNOWN}, name: KNOWN[name]}
        | {k: v for k, v in GOOD.items() if k in body}
        for name in KNOWN
        if name in body
    ]
    return st.sampled_from([*found, *found, body])


@schema.hook
def flatmap_query(context: Any, query: Any) -> st.SearchStrategy[Any]:
    """Some files come without a wish how they are to be read."""
    is_import = context.operation.path.endswith("/import-contacts")
    return st.sampled_from([{}, {"dry_run": "true"}, query]) if is_import else st.just(query)


@pytest.fixture(scope="module")
async def populated(
    prepared_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A database to be copied, and the token for it."""
    path = shutil.copy(prepared_file, tmp_path_factory.mktemp("populated") / "kith.db")
    async with wiring.opened(Settings(database_url=f"sqlite:///{path}")) as runner:
        return path, await runner.write(_populate, None)


@pytest.fixture(autouse=True)
async def _running(
    populated: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setattr(body, "LINGER_S", 0.001)  # in process, nobody hangs up
    path, app.token = populated
    path = shutil.copy(path, tmp_path / "kith.db")
    app.settings = msgspec.structs.replace(app.settings, database_url=f"sqlite:///{path}")
    app.statuses.clear()
    app.paths.clear()
    yield
    asgi.shutdown_lifespans()
    if not any(path.endswith(BY_META) for path in app.paths):
        assert app.statuses & {200, 201}, "nothing but refusals proves little"


@settings(
    max_examples=max(25, CASES // len(DOCUMENT["paths"])),
    deadline=None,
    suppress_health_check=list(HealthCheck),  # the short run on a busy machine is no measure
)
def is_documented(case: schemathesis.Case) -> None:
    headers = {"Authorization": f"Bearer {app.token}"} if case.operation.security else {}
    case.call_and_validate(headers=headers, checks=CHECKS)


@pytest.mark.row("G1", "R3")
@pytest.mark.parametrize(("path", "method"), TRIED)
def test_every_answer_is_documented(path: str, method: str) -> None:
    """As `schema.parametrize` does it; that would make the cases of all operations in each worker,
    while the tests are collected, which takes longer than to send them."""
    run = build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=is_documented,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )
    run()
