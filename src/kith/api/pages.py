"""The addresses beside the API itself: its document and its reference page.

Each is made when it is first asked for, and kept: together they cost a fifth of a second, which the
start need not wait for.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import msgspec

from kith.api import openapi
from kith.api.answers import Answer, Header
from kith.api.routes import PREFIXES
from kith.api.server import Page

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def build() -> dict[str, Page]:
    """By address."""
    pages = {
        "/": _moved("/docs"),
        "/docs": _page("text/html; charset=utf-8", _reference),
        "/docs/style.css": _page("text/css; charset=utf-8", lambda: _asset("style.css")),
        "/docs/script.js": _page("text/javascript; charset=utf-8", lambda: _asset("script.js")),
        "/docs/icon.svg": _page("image/svg+xml", lambda: _asset("icon.svg")),
    }
    for prefix in PREFIXES:
        pages[f"{prefix}/openapi.json"] = _page("application/json", _as_json)
        pages[f"{prefix}/openapi.yaml"] = _page("application/yaml", _as_yaml)
    return pages


@cache
def _as_json() -> bytes:
    return msgspec.json.encode(openapi.document())


@cache
def _as_yaml() -> bytes:
    # Read back first: YAML would name the parts that the document uses twice, and refer to them.
    return msgspec.yaml.encode(msgspec.json.decode(_as_json()))


def _reference() -> bytes:
    from kith.api import reference  # Jinja2 takes longer to import than all the rest

    return reference.page(openapi.document()).encode()


def _asset(name: str) -> bytes:
    return (files("kith.api") / "docs" / name).read_bytes()


def _page(kind: str, make: Callable[[], bytes]) -> Page:
    kept: list[Answer] = []

    async def page() -> Answer:
        if not kept:
            body = await asyncio.to_thread(make)
            kept.append(Answer(200, body, ((b"content-type", kind.encode()), *_HEADERS)))
        return kept[0]

    return page


def _moved(to: str) -> Page:
    answer = Answer(307, b"", ((b"location", to.encode()), *_HEADERS))

    async def page() -> Answer:
        return answer

    return page
