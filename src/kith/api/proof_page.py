"""The proof of consent as a page to print: it needs nothing beside itself, and runs nothing."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from kith.api.answers import Header

_STYLE = (files("kith.api") / "docs" / "proof.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; sandbox"
)
"""The one style sheet is named by its hash: the page is kept as a file, and brings it along."""
HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"content-disposition", b'attachment; filename="consent-proof.html"'),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def page(document: msgspec.Struct) -> str:
    """`document` is an answer of export-consent-proof."""
    style = Markup(_STYLE)  # noqa: S704  # our own file
    return _template().render(msgspec.structs.asdict(document), style=style)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("kith.api", "docs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = _pretty
    return environment.get_template("proof.html")


def _pretty(evidence: msgspec.Raw) -> str:
    """What turns the direction of writing is spelled out, as JSON may: it would turn the braces and
    names around it as well."""
    shown = msgspec.json.format(bytes(evidence), indent=2).decode()
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", shown)
