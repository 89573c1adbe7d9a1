"""What Meta posts to the business: statuses and messages, signed over the raw bytes."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterable
from typing import Any

from tests.graph.rules import Person
from tests.graph.server import ACCOUNT_ID, BUSINESS_PHONE, NUMBER_ID

_NUMBERS = itertools.count(1)


def signed(body: bytes, app_secret: str) -> dict[str, str]:
    digest = hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}


def envelope(
    value: dict[str, Any], *, number_id: str = NUMBER_ID, field: str = "messages"
) -> bytes:
    metadata = {
        "display_phone_number": BUSINESS_PHONE.removeprefix("+"),
        "phone_number_id": number_id,
    }
    change = {
        "field": field,
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
    }
    entry = {"id": ACCOUNT_ID, "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def status(
    wamid: str,
    state: str,
    person: Person,
    *,
    at: float,
    callback: str | None = None,
    errors: Iterable[dict[str, Any]] = (),
    number_id: str = NUMBER_ID,
) -> bytes:
    one: dict[str, Any] = {
        "id": wamid,
        "status": state,
        "timestamp": str(int(at)),
        "recipient_id": person.wa_id,
    }
    if callback is not None:
        one["biz_opaque_callback_data"] = callback
    if errors := list(errors):
        one["errors"] = errors
    return envelope({"statuses": [one]}, number_id=number_id)


def error(code: int, title: str) -> dict[str, Any]:
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": f"{title}."},
        "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }


def inbound(
    person: Person,
    message: dict[str, Any],
    *,
    at: float,
    wamid: str | None = None,
    number_id: str = NUMBER_ID,
) -> bytes:
    """A message of the person; `message` holds its type and what belongs to it."""
    named: dict[str, Any] = {"profile": {"name": person.name}, "wa_id": person.wa_id}
    sent: dict[str, Any] = {
        "from": person.wa_id,
        "id": wamid or f"wamid.HBgM{next(_NUMBERS):012d}",
        "timestamp": str(int(at)),
        **message,
    }
    if person.user_id:
        named["user_id"] = sent["from_user_id"] = person.user_id
    return envelope({"contacts": [named], "messages": [sent]}, number_id=number_id)


def text(person: Person, body: str, *, at: float, **more: Any) -> bytes:
    return inbound(person, {"type": "text", "text": {"body": body}}, at=at, **more)
