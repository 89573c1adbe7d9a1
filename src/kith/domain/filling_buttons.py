"""What the buttons of a template need, and how variables fill them.

By the button's place, from 0, but for what a message can have only one of: a code, a list of
products.
"""

from collections.abc import Mapping
from typing import Any

from kith.domain.filling_values import Values
from kith.domain.templates import Button, Parts, placeholders
from kith.errors import BadValue

COUPON = "coupon_code"
CODE = "1"
THUMBNAIL = "thumbnail_product_retailer_id"

COUPON_CHARACTERS_MAX = 20
CODE_CHARACTERS_MAX = 15
TITLE_CHARACTERS_MAX = 24
CALL_PAYLOAD_CHARACTERS_MAX = 512
SECTIONS_MAX = 10
PRODUCTS_MAX = 30
CALL_MINUTES_MAX = 43_200
ANY_FLOW = "unused"
"""The token of a flow that nobody has to know again, as Meta has it."""

Component = dict[str, Any]

_NEEDS = {"COPY_CODE": [COUPON], "OTP": [CODE], "MPM": ["section_0_product_retailer_ids"]}
_SUB_TYPES = {"OTP": "url", "CATALOG": "CATALOG"}


def needed(button: Button) -> list[str]:
    if button.type == "URL":
        return placeholders(button.url or "")
    return _NEEDS.get(button.type, [])


def titles(parts: Parts, values: Values) -> list[str]:
    """Where products are in several sections, each has a title."""
    given = _sections_given(values)
    is_list = any(button.type == "MPM" for button in parts.buttons)
    return [f"section_{n}_title" for n in given] if is_list and len(given) > 1 else []


def component(button: Button, index: int, values: Values) -> Component:
    """Without parameters where nothing fills it."""
    about: Component = {"type": "button", "sub_type": button.type.lower(), "index": str(index)}
    about["sub_type"] = _SUB_TYPES.get(button.type, about["sub_type"])
    if button.type == "VOICE_CALL":  # there is one at most, and Meta counts it not
        del about["index"]
    return about | {"parameters": _parameters(button, index, values)}


def _parameters(button: Button, index: int, values: Values) -> list[Component]:
    payload = f"button_{index}_payload"
    match button.type:
        case "URL":
            # A button has one placeholder, whatever it is called, and it is never named.
            return [{"type": "text", "text": values.one(name)} for name in needed(button)]
        case "OTP":
            return [{"type": "text", "text": values.one(CODE, CODE_CHARACTERS_MAX)}]
        case "COPY_CODE":
            code = values.one(COUPON, COUPON_CHARACTERS_MAX)
            return [{"type": "coupon_code", "coupon_code": code}]
        case "QUICK_REPLY" if values.has(payload):
            return [{"type": "payload", "payload": values.one(payload)}]
        case "CATALOG" if values.has(THUMBNAIL):
            return [_action({THUMBNAIL: values.product(THUMBNAIL)})]
        case "MPM":
            return [_action(_products(values))]
        case "FLOW":
            return [_action(_flow(index, values))]
        case "VOICE_CALL":
            return _call(index, values)
    return []


def _action(about: Mapping[str, Any]) -> Component:
    return {"type": "action", "action": dict(about)}


def _products(values: Values) -> Component:
    """A list of products in sections; the first stands on the message, unless another is named."""
    if values.has(f"section_{SECTIONS_MAX}_product_retailer_ids"):
        raise BadValue(f"may not hold more than {SECTIONS_MAX} sections, from 0 to 9.")
    sections: list[Component] = []
    for n in _sections_given(values):
        title = f"section_{n}_title"
        found = values.products(f"section_{n}_product_retailer_ids")
        section: Component = {"product_items": [{"product_retailer_id": one} for one in found]}
        if values.has(title):
            section = {"title": values.one(title, TITLE_CHARACTERS_MAX)} | section
        sections.append(section)
    listed = [one["product_retailer_id"] for part in sections for one in part["product_items"]]
    if len(listed) > PRODUCTS_MAX:
        raise BadValue(f"may not hold more than {PRODUCTS_MAX} products in all sections.")
    thumbnail = values.product(THUMBNAIL) if values.has(THUMBNAIL) else listed[0]
    return {THUMBNAIL: thumbnail, "sections": sections}


def _sections_given(values: Values) -> list[int]:
    return [n for n in range(SECTIONS_MAX) if values.has(f"section_{n}_product_retailer_ids")]


def _flow(index: int, values: Values) -> Component:
    token, data = f"button_{index}_flow_token", f"button_{index}_flow_action_data"
    found: Component = {"flow_token": values.one(token) if values.has(token) else ANY_FLOW}
    if values.has(data):
        found["flow_action_data"] = values.data(data)
    return found


def _call(index: int, values: Values) -> list[Component]:
    minutes, payload = f"button_{index}_ttl_minutes", f"button_{index}_payload"
    found: list[Component] = []
    if values.has(minutes):
        most = CALL_MINUTES_MAX
        found.append({"type": "ttl_minutes", "ttl_minutes": values.number(minutes, most)})
    if values.has(payload):
        said = values.one(payload, CALL_PAYLOAD_CHARACTERS_MAX)
        found.append({"type": "payload", "payload": said})
    return found
