"""What Meta refuses, as its documents tell: shapes, tokens, templates, windows."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TEXT_CHARACTERS_MAX = 4_096
PARAMETER_CHARACTERS_MAX = 1_024
MOST_CHARACTERS = {"coupon_code": 20, "section": 24, "product": 100, "code": 15}
PRODUCTS_MAX, SECTIONS_MAX = 30, 10
CALL_MINUTES = range(1, 43_201)
CALLBACK_CHARACTERS_MAX = 512
VERSIONS = range(20, 27)

STATUS = {
    0: 401, 1: 500, 2: 503,
    3: 500, 4: 400, 10: 403, 100: 400, 190: 401, 200: 403, 368: 403, 80007: 400,
    130429: 400, 130472: 400, 130497: 403, 131000: 500, 131005: 403, 131008: 400, 131009: 400,
    131016: 500, 131021: 400, 131026: 400, 131030: 400, 131031: 403, 131042: 400, 131045: 500,
    131047: 400, 131048: 400, 131049: 400, 131050: 400, 131051: 400, 131052: 400, 131053: 400,
    131056: 400, 131057: 500, 131062: 400, 131063: 400, 131064: 400, 132000: 400, 132001: 404,
    132005: 400, 132007: 400, 132012: 400, 132015: 400, 132016: 400, 133010: 400, 135000: 400,
}  # fmt: skip
"""The HTTP status with which each code comes."""
TRANSIENT = {1, 2}
"""Codes that say of themselves that they pass."""

_KEYS = {
    "messaging_product", "recipient_type", "to", "recipient", "type", "text", "template", "context",
    "biz_opaque_callback_data",
}  # fmt: skip
_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_UNFIT = re.compile(r"[\n\t]| {5}")
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


class MetaError(Exception):
    """An error object; `retry_after_s` becomes a header. `is_transient`: it is told to pass, as
    those of Meta's own that are temporary are."""

    def __init__(
        self,
        code: int,
        details: str,
        *,
        retry_after_s: int | None = None,
        is_transient: bool = False,
    ) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.retry_after_s = retry_after_s
        self.is_transient = is_transient or code in TRANSIENT

    @property
    def body(self) -> dict[str, Any]:
        return {
            "error": {
                "message": f"(#{self.code}) {self.details}",
                "type": "OAuthException",
                "code": self.code,
                "error_data": {"messaging_product": "whatsapp", "details": self.details},
                "fbtrace_id": "AAAbbbCCCddd",
                **({"is_transient": True} if self.is_transient else {}),
            }
        }


@dataclass
class Person:
    """Somebody on WhatsApp: reached under `phone`, or any of `also`."""

    phone: str
    wa_id: str = ""
    name: str = "Romain"
    user_id: str | None = None
    also: tuple[str, ...] = ()
    refuses: int | None = None
    """The code with which every message to them is refused."""
    refused_spellings: Mapping[str, int] = field(default_factory=dict)
    wrote_at: float | None = None

    def __post_init__(self) -> None:
        self.wa_id = self.wa_id or self.phone.removeprefix("+")


def checked(body: Any, templates: list[dict[str, Any]]) -> dict[str, Any]:
    """The message, if Meta takes it. Raises MetaError."""
    if not isinstance(body, dict):
        raise MetaError(100, "Invalid parameter")
    if unexpected := body.keys() - _KEYS:
        raise MetaError(100, f"Unexpected key {min(unexpected)!r} on param")
    if body.get("messaging_product") != "whatsapp":
        raise MetaError(100, "The parameter messaging_product is required.")
    if body.get("recipient_type", "individual") != "individual":
        raise MetaError(100, "Param recipient_type must be one of {INDIVIDUAL}")
    _check_recipient(body, templates)
    callback = body.get("biz_opaque_callback_data", "")
    if not isinstance(callback, str) or len(callback) > CALLBACK_CHARACTERS_MAX:
        raise MetaError(100, "Param biz_opaque_callback_data is too long")
    kind = body.get("type")
    if kind == "text":
        _check_text(body.get("text"))
    elif kind == "template":
        _check_template(body.get("template"), templates)
    else:
        raise MetaError(131051, "Message type unknown")
    if {"text", "template"} & body.keys() != {kind}:
        raise MetaError(100, f"Only the object {kind} belongs to this type")
    return body


def _check_recipient(body: Mapping[str, Any], templates: list[dict[str, Any]]) -> None:
    """By a phone in `to`, which wins, or by an id in `recipient`; a code to sign in with only by
    phone."""
    if "recipient" in body and not (
        isinstance(body["recipient"], str) and _BSUID.fullmatch(body["recipient"])
    ):
        raise MetaError(131009, "Parameter value is not valid: recipient")
    if "to" in body:
        if not isinstance(body["to"], str) or not re.fullmatch(r"\+?[0-9 ()-]{5,30}", body["to"]):
            raise MetaError(131009, "Parameter value is not valid: to")
        return
    if "recipient" not in body:
        raise MetaError(100, "The parameter to is required.")
    given = body.get("template")
    name = given.get("name") if isinstance(given, dict) else None
    if any((one["name"], one["category"]) == (name, "AUTHENTICATION") for one in templates):
        raise MetaError(131062, "Business-scoped ids are not supported for this message.")


def _check_text(text: Any) -> None:
    if not isinstance(text, dict) or text.keys() - {"body", "preview_url"}:
        raise MetaError(100, "Invalid parameter: text")
    if not isinstance(text.get("body"), str) or not text["body"].strip():
        raise MetaError(131008, "Required parameter is missing: text['body']")
    if len(text["body"]) > TEXT_CHARACTERS_MAX:
        raise MetaError(100, "Param text['body'] must be at most 4096 characters long.")
    if not isinstance(text.get("preview_url", False), bool):
        raise MetaError(100, "Param text['preview_url'] must be a boolean.")


def _check_template(given: Any, templates: list[dict[str, Any]]) -> None:
    if not isinstance(given, dict) or given.keys() - {"name", "language", "components"}:
        raise MetaError(100, "Invalid parameter: template")
    language = given.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise MetaError(131008, "Required parameter is missing: template['language']['code']")
    known = [
        one
        for one in templates
        if (one["name"], one["language"]) == (given.get("name"), language["code"])
    ]
    if not known or known[0]["status"] in ("PENDING", "REJECTED"):
        raise MetaError(132001, "Template name does not exist in the translation")
    if known[0]["status"] in ("PAUSED", "DISABLED"):
        raise MetaError({"PAUSED": 132015, "DISABLED": 132016}[known[0]["status"]], "Not usable")
    _check_components(given.get("components", []), known[0])


def _check_components(given: Any, template: Mapping[str, Any]) -> None:
    if not isinstance(given, list):
        raise MetaError(100, "Param template['components'] must be an array.")
    cards = next((p["cards"] for p in template["components"] if p["type"] == "CAROUSEL"), None)
    carousels = [one for one in given if isinstance(one, dict) and one.get("type") == "carousel"]
    if cards is not None:
        _check_cards(carousels, cards, template)
        given = [one for one in given if one not in carousels]
    wanted = wanted_components(template)
    takes = {**wanted, **_payloads(template)}
    seen = set()
    for one in given:
        key = _key(one)
        if key not in takes or key in seen:
            raise MetaError(132000, f"No parameters belong to {key}")
        seen.add(key)
        if key == "button voice_call":
            _check_call(one.get("parameters"))
            continue
        _check_parameters(one.get("parameters"), takes[key], key)
    if missing := wanted.keys() - seen:
        raise MetaError(132000, f"Number of parameters does not match: {min(missing)}")


def _check_cards(
    carousels: list[dict[str, Any]], cards: list[dict[str, Any]], template: Mapping[str, Any]
) -> None:
    """Every card of the template, in its order, each filled as a template is."""
    if len(carousels) != 1 or carousels[0].keys() != {"type", "cards"}:
        raise MetaError(132000, "A carousel template takes one component of the type carousel")
    given = carousels[0]["cards"]
    if not isinstance(given, list) or len(given) != len(cards):
        raise MetaError(132000, f"Number of cards does not match {len(cards)}")
    for index, (one, card) in enumerate(zip(given, cards, strict=True)):
        if not isinstance(one, dict) or one.keys() != {"card_index", "components"}:
            raise MetaError(100, f"Invalid parameter: card {index}")
        if one["card_index"] != index or isinstance(one["card_index"], bool):
            raise MetaError(132012, f"card_index must be {index}")
        _check_components(one["components"], {**template, "components": card["components"]})
    if len(set(_catalogs(given))) > 1:
        raise MetaError(131009, "Every card must be of one catalog")


def _catalogs(cards: list[dict[str, Any]]) -> list[str]:
    return [
        parameter["product"]["catalog_id"]
        for card in cards
        for part in card["components"]
        for parameter in part["parameters"]
        if parameter["type"] == "product"
    ]


def wanted_components(template: Mapping[str, Any]) -> dict[str, list[tuple[str, str | None]]]:
    """What each part of a template must be given: the kind of each parameter, and its name."""
    named = template.get("parameter_format") == "NAMED"

    def texts(text: str) -> list[tuple[str, str | None]]:
        return [("text", name if named else None) for name in dict.fromkeys(_names(text))]

    wanted: dict[str, list[tuple[str, str | None]]] = {}
    for part in template["components"]:
        if part["type"] == "HEADER" and part["format"] == "TEXT":
            wanted["header"] = texts(part["text"])
        elif part["type"] == "HEADER":
            wanted["header"] = [(part["format"].lower(), None)]
        elif part["type"] == "BODY":
            wanted["body"] = texts(part["text"])
        elif part["type"] == "LIMITED_TIME_OFFER" and part["limited_time_offer"]["has_expiration"]:
            wanted["limited_time_offer"] = [("limited_time_offer", None)]
        for index, button in enumerate(part.get("buttons", [])):
            key = f"button {button['type'].lower()} {index}"
            if button["type"] == "URL" and _names(button["url"]):
                wanted[key] = [("text", None)]
            elif button["type"] == "COPY_CODE":
                wanted[key] = [("coupon_code", None)]
            elif button["type"] == "OTP":
                wanted[f"button url {index}"] = [("code", None)]
            elif button["type"] in ("MPM", "FLOW"):
                wanted[key] = [("action", None)]
    return {key: kinds for key, kinds in wanted.items() if kinds}


def _payloads(template: Mapping[str, Any]) -> dict[str, list[tuple[str, str | None]]]:
    """What a part may be given."""
    may: dict[str, list[tuple[str, str | None]]] = {
        "tap_target_configuration": [("tap_target_configuration", None)]
    }
    for part in template["components"]:
        for index, button in enumerate(part.get("buttons", [])):
            if button["type"] == "QUICK_REPLY":
                may[f"button quick_reply {index}"] = [("payload", None)]
            elif button["type"] == "CATALOG":
                may[f"button catalog {index}"] = [("action", None)]
            elif button["type"] == "VOICE_CALL":
                may["button voice_call"] = []
    return may


def _names(text: str) -> list[str]:
    return _PLACEHOLDER.findall(text)


def _key(one: Any) -> str:
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        raise MetaError(100, "Invalid parameter: components")
    if one["type"].lower() != "button":
        if one.keys() != {"type", "parameters"}:
            raise MetaError(100, f"Unexpected key on {one['type']}")
        return str(one["type"].lower())
    if isinstance(one.get("sub_type"), str) and one["sub_type"].lower() == "voice_call":
        if one.keys() != {"type", "sub_type", "parameters"}:
            raise MetaError(100, "A button to call has no place")
        return "button voice_call"
    if not isinstance(one.get("index"), str | int) or not isinstance(one.get("sub_type"), str):
        raise MetaError(131008, "Required parameter is missing: sub_type and index of a button")
    if one.keys() != {"type", "sub_type", "index", "parameters"}:
        raise MetaError(100, "Unexpected key on a button")
    return f"button {one['sub_type'].lower()} {one['index']}"


def _check_parameters(given: Any, wanted: list[tuple[str, str | None]], where: str) -> None:
    if not isinstance(given, list) or len(given) != len(wanted):
        raise MetaError(132000, f"{where}: number of parameters does not match {len(wanted)}")
    for parameter, (kind, name) in zip(given, wanted, strict=True):
        shown = "text" if kind == "code" else kind
        if not isinstance(parameter, dict) or parameter.get("type") != shown:
            raise MetaError(132012, f"{where}: parameter must be of the type {shown}")
        if parameter.get("parameter_name") != name:
            raise MetaError(132012, f"{where}: parameter_name must be {name}")
        if parameter.keys() - {"type", shown, "parameter_name"}:
            raise MetaError(100, f"{where}: unexpected key")
        _check_value(parameter.get(shown), kind, where)


def _check_value(value: Any, kind: str, where: str) -> None:
    if kind in ("text", "code", "coupon_code", "payload"):
        _check_said(value, MOST_CHARACTERS.get(kind, PARAMETER_CHARACTERS_MAX), where)
    elif kind == "location":
        if not isinstance(value, dict) or not {"latitude", "longitude"} <= value.keys():
            raise MetaError(132012, f"{where}: a location has latitude and longitude")
    elif kind == "product":
        if not isinstance(value, dict) or value.keys() != {"product_retailer_id", "catalog_id"}:
            raise MetaError(132012, f"{where}: a product has its id and that of its catalog")
        for one in value.values():
            _check_said(one, MOST_CHARACTERS["product"], where)
    elif kind == "limited_time_offer":
        _check_offer(value)
    elif kind == "action":
        _check_action(value, where.split()[1])
    elif kind == "tap_target_configuration":
        if not isinstance(value, list) or [one.keys() for one in value] != [{"url", "title"}]:
            raise MetaError(132012, f"{where}: one address with its title")
    elif not isinstance(value, dict) or len({"link", "id"} & value.keys()) != 1:
        raise MetaError(132012, f"{where}: {kind} has a link or an id")


def _check_said(value: Any, characters_max: int, where: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise MetaError(131008, f"{where}: parameter is missing text value")
    if len(value) > characters_max:
        raise MetaError(132005, f"{where}: translated text too long")
    if _UNFIT.search(value):
        raise MetaError(132018, f"{where}: no new lines, tabs or more than 4 spaces")


def _check_offer(value: Any) -> None:
    """Milliseconds, not seconds, of a time that is still to come."""
    if not isinstance(value, dict) or value.keys() != {"expiration_time_ms"}:
        raise MetaError(132012, "limited_time_offer has an expiration_time_ms")
    ends_ms = value["expiration_time_ms"]
    if not isinstance(ends_ms, int) or isinstance(ends_ms, bool) or ends_ms < time.time() * 1_000:
        raise MetaError(131009, "expiration_time_ms must be in the future")


def _check_action(value: Any, button: str) -> None:
    if not isinstance(value, dict):
        raise MetaError(132012, f"{button}: action must be an object")
    if button == "flow":
        if value.keys() - {"flow_token", "flow_action_data"}:
            raise MetaError(132012, "flow: unexpected key of action")
        _check_said(value.get("flow_token"), PARAMETER_CHARACTERS_MAX, "flow_token")
        if not isinstance(value.get("flow_action_data", {}), dict):
            raise MetaError(132012, "flow: flow_action_data must be an object")
        return
    wanted = {"thumbnail_product_retailer_id"} | ({"sections"} if button == "mpm" else set())
    if value.keys() != wanted:
        raise MetaError(132012, f"{button}: action must hold {sorted(wanted)}")
    _check_said(value["thumbnail_product_retailer_id"], MOST_CHARACTERS["product"], button)
    if button == "mpm":
        _check_sections(value["sections"])


def _check_sections(sections: Any) -> None:
    if not isinstance(sections, list) or not 1 <= len(sections) <= SECTIONS_MAX:
        raise MetaError(131009, "mpm: from 1 to 10 sections")
    count = 0
    for one in sections:
        if not isinstance(one, dict) or one.keys() - {"title"} != {"product_items"}:
            raise MetaError(132012, "mpm: a section has a title and product_items")
        if "title" in one or len(sections) > 1:
            _check_said(one.get("title"), MOST_CHARACTERS["section"], "mpm")
        if not isinstance(one["product_items"], list) or not one["product_items"]:
            raise MetaError(131009, "mpm: a section has products")
        for item in one["product_items"]:
            if not isinstance(item, dict) or item.keys() != {"product_retailer_id"}:
                raise MetaError(132012, "mpm: a product has its id")
            _check_said(item["product_retailer_id"], MOST_CHARACTERS["product"], "mpm")
        count += len(one["product_items"])
    if count > PRODUCTS_MAX:
        raise MetaError(131009, "mpm: at most 30 products")


def _check_call(given: Any) -> None:
    """For how long the button calls, and what its calls are told with: each once, or not at all."""
    if not isinstance(given, list) or not given:
        raise MetaError(132000, "voice_call: parameters, or no component")
    kinds = [one.get("type") if isinstance(one, dict) else None for one in given]
    if not set(kinds) <= {"ttl_minutes", "payload"} or len(set(kinds)) != len(kinds):
        raise MetaError(132012, "voice_call: takes ttl_minutes and payload")
    for one in given:
        value = one.get(one["type"])
        if one["type"] == "payload":
            _check_said(value, CALLBACK_CHARACTERS_MAX, "voice_call")
        elif not isinstance(value, int) or isinstance(value, bool) or value not in CALL_MINUTES:
            raise MetaError(131009, "voice_call: ttl_minutes from 1 to 43200")
