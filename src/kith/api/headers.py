"""A header that is sent as several lines is one list (RFC 9110, section 5.3)."""

from collections.abc import Iterable

from kith.errors import Malformed


def joined(given: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Of each name the lines in their order, with commas between.

    What is no list, such as a credential or a signature, becomes a value that its own rule refuses:
    of two, none may be picked. Raises Malformed for two hosts.
    """
    found: dict[bytes, bytes] = {}
    for name, value in given:
        if name in found:
            if name == b"host":
                raise Malformed("The request has two Host headers.")
            value = found[name] + b", " + value
        found[name] = value
    return found
