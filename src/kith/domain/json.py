"""The one JSON decoder and encoder of the product (reliability section 6, rows X1 to X9).

Decoded untyped: a typed decode would skip unknown fields unchecked.
"""

import re

import msgspec

from kith.errors import Invalid, Malformed

DEPTH_MAX = 32
INTEGER_MAX = 2**53 - 1  # beyond it JavaScript clients lose digits

# Possessive, its end optional: it never backtracks, though hostile bodies leave strings open.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_decoder = msgspec.json.Decoder()
encode = msgspec.json.Encoder().encode


def decode(body: bytes) -> object:
    """The value in `body`, never nested over 32 deep; raises Malformed (400) or Invalid (422)."""
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth(body) > DEPTH_MAX:
        raise Malformed(f"The body is nested more than {DEPTH_MAX} levels deep.")
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        # Valid JSON all the same, such as 1e400; it has no field to name yet.
        raise Invalid({"body": ["The body holds a number that is out of range."]}) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed() from None


def decode_object(body: bytes) -> dict[str, object]:
    """As `decode`; an empty body is `{}`, anything but an object raises Invalid."""
    given = {} if not body or body.isspace() else decode(body)
    if not isinstance(given, dict):
        raise Invalid({"body": ["The body must be a JSON object."]})
    return given


def _depth(body: bytes) -> int:
    """How deep brackets nest outside of strings; runs before decoding, which would recurse."""
    # Where no string holds a quote, each begins one or ends it, and that is found sooner.
    pieces = [_STRING.sub(b"", body)] if b'\\"' in body else body.split(b'"')[::2]
    depth = deepest = 0
    for byte in b"".join(pieces).translate(None, _NOT_BRACKETS):
        if byte in b"[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > DEPTH_MAX:
                    break
        else:
            depth -= 1
    return deepest
