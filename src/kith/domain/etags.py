"""Entity tags: a strong one for each version of a contact (RFC 9110, sections 8.8 and 13.1).

`"<id>-<version>"`, and `"<id>-<version>;history+tags"` for an answer that was expanded.
"""

from collections.abc import Iterable

ANY = "*"
EXPANSION = ";"


def of(contact_id: str, version: int) -> str:
    return f'"{contact_id}-{version}"'


def contact_id(etag: str) -> str:
    return etag[1:].rpartition("-")[0]


def expanded(etag: str, parts: Iterable[str]) -> str:
    """The tag of the same contact with more in its answer."""
    return f'{etag[:-1]}{EXPANSION}{"+".join(sorted(parts))}"'


def listed(header: str) -> tuple[str, ...]:
    """The tags of an `If-Match` or `If-None-Match` header; quotes may be left out."""
    return tuple(_quoted(part.strip()) for part in header.split(",") if part.strip())


def is_known(etag: str, none_match: Iterable[str]) -> bool:
    """Whether `If-None-Match` names it; a proxy may have made it weak."""
    return any(tag.removeprefix("W/") in (etag, ANY) for tag in none_match)


def is_current(etag: str, match: Iterable[str]) -> bool:
    """Whether `If-Match` names the version, expanded or not; a weak tag never does."""
    return any(tag == ANY or tag.split(EXPANSION)[0].rstrip('"') + '"' == etag for tag in match)


def _quoted(tag: str) -> str:
    return tag if tag == ANY or tag.endswith('"') else f'"{tag}"'
