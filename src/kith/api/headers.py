"""A header that is sent as several lines is one list (RFC 9110, section 5.3)."""

from collections.abc import Iterable

from kith.errors import Ambiguous

_ONE = {b"host": "Host", b"authorization": "Authorization"}


def joined(given: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Of each name the lines in their order, with commas between.

    What is no list, such as a signature, becomes a value that its own rule refuses: of two, none
    may be picked. Raises Ambiguous for two hosts or credentials.
    """
    found: dict[bytes, bytes] = {}
    for name, value in given:
        if name in found:
            if name in _ONE:
                raise Ambiguous(f"The request has two {_ONE[name]} headers.")
            value = found[name] + b", " + value
        found[name] = value
    return found
