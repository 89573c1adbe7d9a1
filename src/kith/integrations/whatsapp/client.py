"""The client of Meta's Graph API: each call ends in an answer or in one of three failures.

Only what runs outside of transactions may import it. It follows no redirect, reads no proxy or
password from the environment, and knows of each failure whether anything can have been taken.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from kith.domain import graph, json
from kith.domain.graph import Account, Refusal
from kith.errors import AppError

if TYPE_CHECKING:  # it takes long to load, and no start has to wait for it
    import httpx2

CALL_S_MAX = 20.0
CONNECT_S_MAX = 5.0
REPLY_BYTES_MAX = 4 * 1_048_576
DETAILS_CHARACTERS_MAX = 500
CONNECTIONS_MAX = 100
KEPT_OPEN_S = 4.0
"""Shorter than any server keeps one: a request on a connection that just ended would be lost."""
RETRY_AFTER_S_MAX = 3_600
TEMPLATES_A_PAGE = 100
TEMPLATES_MAX = 10_000
TEMPLATE_FIELDS = "id,name,language,status,category,components,parameter_format"


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """Meta took the message; whether it arrives, statuses will tell. `wa_id` and `user_id` are
    what WhatsApp calls the person."""

    wamid: str
    wa_id: str | None = None
    user_id: str | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    mime_type: str
    sha256: str
    size: int | None


class GraphFailed(Exception):
    """No answer that can be used. The text holds nothing that was sent."""


class NotReached(GraphFailed):
    """Not one byte of the request was written: it may be made again."""


class NoAnswer(GraphFailed):
    """The request was written, and nobody knows what became of it."""


class Rejected(GraphFailed):
    """Meta refused, with its code; nothing was taken."""

    def __init__(self, refusal: Refusal, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"Meta refused with {refusal.code}.")
        self.refusal = refusal
        self.retry_after_s = retry_after_s


class _Reply(msgspec.Struct, frozen=True):
    status: int
    body: dict[str, Any] | None
    """None when it is no JSON object."""
    retry_after_s: int | None


class Graph:
    """One for the process: it keeps connections open."""

    def __init__(self) -> None:
        self._http: httpx2.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _client(self) -> "httpx2.AsyncClient":
        """Made when it is first needed, and not on the event loop."""
        async with self._making:
            if self._http is None:
                self._http = await asyncio.to_thread(_made)
        return self._http

    async def send(
        self, account: Account, message: Mapping[str, Any], *, within_s: float | None = None
    ) -> Accepted:
        """Raises NotReached, NoAnswer, Rejected."""
        reply = await self._call(
            account,
            "POST",
            f"{account.number_id}/messages",
            content=json.encode(message),
            within_s=within_s,
        )
        try:
            return _accepted(reply)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise NoAnswer(f"Meta answered {reply.status} without the id of a message.") from None

    async def templates(self, account: Account) -> list[dict[str, Any]]:
        """Every template of the business account. Raises GraphFailed."""
        found: list[dict[str, Any]] = []
        after = ""
        while len(found) < TEMPLATES_MAX:
            asked = {"fields": TEMPLATE_FIELDS, "limit": str(TEMPLATES_A_PAGE)}
            if after:
                asked["after"] = after
            path = f"{account.account_id}/message_templates"
            reply = await self._call(account, "GET", path, params=asked)
            body = reply.body or {}
            page, paging = body.get("data"), body.get("paging")
            if reply.status != 200 or not isinstance(page, list):
                raise NoAnswer(f"Meta answered {reply.status} without a list of templates.")
            found += [one for one in page if isinstance(one, dict)]
            # By the cursor, never by the address in `next`: where we call is not Meta's to say.
            cursors = paging.get("cursors") if isinstance(paging, dict) else None
            following = cursors.get("after") if isinstance(cursors, dict) else None
            if not page or not (isinstance(paging, dict) and paging.get("next")):
                return found
            if not isinstance(following, str) or following == after:
                break
            after = following
        # Taken for the whole, half a list would take the rest of the templates away.
        raise NoAnswer("Meta's list of templates breaks off, or has no end.")

    async def media(self, account: Account, media_id: str) -> Media:
        """Where a file is, for the next five minutes. Raises GraphFailed."""
        if not media_id.isascii() or not media_id.isalnum():
            raise NoAnswer("The id of the media is none.")
        asked = {"phone_number_id": account.number_id}
        reply = await self._call(account, "GET", media_id, params=asked)
        body = reply.body or {}
        url, mime_type, sha256 = body.get("url"), body.get("mime_type"), body.get("sha256")
        if not (isinstance(url, str) and isinstance(mime_type, str) and isinstance(sha256, str)):
            raise NoAnswer(f"Meta answered {reply.status} without the address of the media.")
        size = body.get("file_size")
        return Media(
            url=url,
            mime_type=mime_type,
            sha256=sha256,
            size=int(size) if isinstance(size, int | str) and str(size).isdecimal() else None,
        )

    async def download(self, account: Account, url: str) -> AsyncGenerator[bytes, None]:
        """The file in pieces; that `url` may be asked, and how long, the caller knows.

        Raises GraphFailed.
        """
        http = await self._client()
        import httpx2

        try:
            async with http.stream(
                "GET", url, headers={"Authorization": f"Bearer {account.token}"}
            ) as response:
                if response.status_code != 200:
                    raise NoAnswer(f"The media answered {response.status_code}.")
                async for piece in response.aiter_bytes():
                    yield piece
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise NoAnswer(f"The media did not come: {type(error).__name__}.") from None

    async def _call(
        self,
        account: Account,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        within_s: float | None = None,
    ) -> _Reply:
        was_written = False

        async def trace(event: str, _: object) -> None:
            nonlocal was_written
            if event.endswith("send_request_headers.started"):
                was_written = True

        headers = {"Authorization": f"Bearer {account.token}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        http = await self._client()
        import httpx2

        try:
            async with (
                asyncio.timeout(min(CALL_S_MAX, within_s or CALL_S_MAX)),
                http.stream(
                    method,
                    f"{account.graph_url.rstrip('/')}/{graph.VERSION}/{path}",
                    params=params,
                    content=content,
                    headers=headers,
                    extensions={"trace": trace},
                ) as response,
            ):
                reply = await _read(response)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            kind = NoAnswer if was_written else NotReached
            raise kind(f"{type(error).__name__}.") from None
        _raise_error(reply)
        return reply


def _made() -> "httpx2.AsyncClient":
    import httpx2

    return httpx2.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(CALL_S_MAX, connect=CONNECT_S_MAX),
        limits=httpx2.Limits(
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEPT_OPEN_S,
        ),
    )


async def _read(response: "httpx2.Response") -> _Reply:
    raw = bytearray()
    async for piece in response.aiter_bytes():
        raw += piece
        if len(raw) > REPLY_BYTES_MAX:
            break
    try:
        body = json.decode(bytes(raw))
    except AppError:
        body = None
    waits = response.headers.get("retry-after", "")
    retry_after_s = min(int(waits), RETRY_AFTER_S_MAX) if waits.isdecimal() else None
    return _Reply(response.status_code, body if isinstance(body, dict) else None, retry_after_s)


def _raise_error(reply: _Reply) -> None:
    """Raises Rejected for an error object: with a code that is known, whatever the status.

    With any other, a failure of Meta's own is a refusal only if it says that it passes; else nobody
    knows what became of the request, and it raises NoAnswer.
    """
    error = (reply.body or {}).get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return
    is_transient = error.get("is_transient") is True
    if reply.status >= 500 and not is_transient and error["code"] not in graph.CODES:
        raise NoAnswer(f"Meta answered {reply.status} with the unknown code {error['code']}.")
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    raise Rejected(
        graph.refusal(
            error["code"],
            _text(error.get("message")),
            _text(details),
            is_transient=is_transient,
        ),
        retry_after_s=reply.retry_after_s,
    )


def _accepted(reply: _Reply) -> Accepted:
    if reply.status != 200:
        raise KeyError("no success")
    body = reply.body or {}
    wamid = body["messages"][0]["id"]
    if not isinstance(wamid, str) or not wamid:
        raise KeyError("no id")
    named = (body.get("contacts") or [{}])[0]
    return Accepted(
        wamid=wamid, wa_id=_text(named.get("wa_id")), user_id=_text(named.get("user_id"))
    )


def _text(value: object) -> str | None:
    return value[:DETAILS_CHARACTERS_MAX] if isinstance(value, str) and value else None
