"""What a GET asks in the query of its address."""

import pytest

from kith.api.query import FIELDS_MAX, asked
from kith.errors import Malformed

READ = {
    b"": {},
    b"a=1&b=two%20words": {"a": "1", "b": "two words"},
    b"a=1+2": {"a": "1 2"},
    b"a=%2B33": {"a": "+33"},
    b"a=": {"a": ""},
    b"a=1&a=2": {"a": "2"},
    b"a=%C3%A9": {"a": "é"},
    b"a=b=c": {"a": "b=c"},
    b"&".join(b"a%d=1" % n for n in range(FIELDS_MAX)): {f"a{n}": "1" for n in range(FIELDS_MAX)},
}


@pytest.mark.parametrize("query", READ, ids=range(len(READ)))
def test_names_and_values_are_read(query):
    assert asked(query) == READ[query]


@pytest.mark.parametrize(
    "query", [b"a=%FF", b"a=\xe9", b"&".join([b"a=1"] * (FIELDS_MAX + 1))], ids=range(3)
)
def test_what_cannot_be_read_is_malformed(query):
    with pytest.raises(Malformed, match="query"):
        asked(query)
