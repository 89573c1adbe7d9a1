"""Bytes that somebody signed but wrote badly: repaired, since nobody can be asked again.

Reliability section 6, "Sources": text that is no UTF-8 and halves of characters become U+FFFD.
"""

import re
from codecs import BOM_UTF8

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# An escape of half a character: pairs and other escapes are passed over first.
_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


def mended(body: bytes) -> bytes:
    """UTF-8 of whole characters."""
    if body[:2] in _UTF_16:
        return body.decode("utf-16", "replace").encode(errors="replace")
    body = body.removeprefix(BOM_UTF8)
    if not body.isascii():
        body = body.decode(errors="replace").encode()
    return _HALF.sub(_whole, body) if b"\\u" in body else body


def _whole(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match[1] else match[0]
