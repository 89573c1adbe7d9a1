"""What a call asks in the query of its address."""

from urllib.parse import parse_qsl

from kith import errors

FIELDS_MAX = 100
LISTED_MAX = 1_000


def asked(query: bytes) -> dict[str, str]:
    """What the address asks beside its path; of a name given twice the last counts.

    Raises Malformed.
    """
    return dict(_pairs(query, FIELDS_MAX))


def listed(query: bytes) -> dict[str, str | list[str]]:
    """As `asked`, where a name may be given several times: then it has a list."""
    found: dict[str, list[str]] = {}
    for name, value in _pairs(query, LISTED_MAX):
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _pairs(query: bytes, fields_max: int) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=fields_max,
        )
    except ValueError:
        raise errors.Malformed(
            "The query of the address cannot be read: write name=value in UTF-8, percent-encoded,"
            f" at most {fields_max} of them."
        ) from None
