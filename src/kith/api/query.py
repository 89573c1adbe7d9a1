"""What a GET asks in the query of its address."""

from urllib.parse import parse_qsl

from kith import errors

FIELDS_MAX = 100


def asked(query: bytes) -> dict[str, str]:
    """What the address asks beside its path; of a name given twice the last counts."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise errors.Malformed(
            "The query of the address cannot be read: write name=value in UTF-8, percent-encoded,"
            f" at most {FIELDS_MAX} of them."
        ) from None
    return dict(pairs)
