"""Metadata: free-form JSON that a client hangs on a contact (reference sections 7 and 9)."""

from kith.domain import json, text
from kith.errors import BadValue

BYTES_MAX = 65_536
KEYS_MAX = 1_000

Metadata = dict[str, object]


def parse(value: object) -> Metadata:
    """A JSON object whose every string passed the text gate; raises BadValue."""
    if not isinstance(value, dict):
        raise BadValue('must be an object, such as {"shopify_id": "12345"}.')
    checked: Metadata = _checked_object(value)
    at_most(checked)
    return checked


def merged(present: Metadata, given: Metadata) -> Metadata:
    """A shallow merge, the given keys winning; a null is kept as null. Raises BadValue."""
    try:
        return at_most({**present, **given})
    except BadValue as problem:  # the given keys alone would have fitted
        limit = str(problem).removesuffix(".")
        raise BadValue(f"{limit}, together with what the contact holds already.") from None


def at_most(value: Metadata) -> Metadata:
    _count(value)
    if len(json.encode(value)) > BYTES_MAX:
        raise BadValue(f"may not be greater than {BYTES_MAX} bytes of JSON.")
    return value


def _checked_object(value: dict[str, object]) -> Metadata:
    _count(value)
    return {text.prose(key): _checked(item) for key, item in value.items()}


def _count(value: dict[str, object]) -> None:
    if len(value) > KEYS_MAX:
        raise BadValue(f"may not hold more than {KEYS_MAX} keys in one object.")


def _checked(value: object) -> object:
    if isinstance(value, str):
        return text.prose(value)
    if isinstance(value, dict):
        return _checked_object(value)
    if isinstance(value, list):
        return [_checked(item) for item in value]
    if isinstance(value, int) and abs(value) > json.INTEGER_MAX:
        raise BadValue(f"may not hold an integer beyond {json.INTEGER_MAX}; send it as a string.")
    return value
