"""Commands on a database of their own, and beside the shared server."""

import pytest

from tests.cast import Bed
from tests.cli.kith import Kith
from tests.conftest import SECRET_KEY


@pytest.fixture
def kith(database_url: str) -> Kith:
    return Kith(database_url=database_url)


@pytest.fixture
def anew(blank_database_url: str) -> Kith:
    """The first commands ever, on a database without any table."""
    return Kith(database_url=blank_database_url)


@pytest.fixture
def beside(bed: Bed, server_database_url: str) -> Kith:
    """On the database of a running server."""
    return Kith(database_url=server_database_url, secret_key=SECRET_KEY)
