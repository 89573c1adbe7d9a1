"""A Graph API on this machine, and Ana's account there."""

from collections.abc import Iterator
from operator import not_

import pytest

from tests.cast import Bed, Person
from tests.graph import Graph
from tests.graph import Person as Somebody
from tests.graph.samples import TEMPLATES
from tests.graph.server import NUMBER_ID, TOKEN
from tests.meta import SECOND_NUMBER_ID, Meta, connected
from tests.waits import await_until
from tests.whatsapp.sending import PHONE, jobs, templates_of, writes


@pytest.fixture(scope="session")
def running() -> Iterator[Graph]:
    with Graph(number_ids=(NUMBER_ID, SECOND_NUMBER_ID)) as graph:
        yield graph


@pytest.fixture
def graph(running: Graph) -> Graph:
    """As new: nobody was written to, nothing goes wrong."""
    running.clear()
    running.people.clear()
    running.templates = list(TEMPLATES)
    running.next_fault = running.on_accepted = None
    return running


@pytest.fixture
async def meta(bed: Bed, ana: Person, graph: Graph) -> Meta:
    """Ana's account."""
    return await connected(bed, ana, graph_url=graph.url, access_token=TOKEN)


@pytest.fixture
async def ids(bed: Bed, ana: Person, meta: Meta) -> dict[str, str]:
    """The templates by name."""
    return await templates_of(bed, ana)


@pytest.fixture
async def romain(bed: Bed, ana: Person, meta: Meta) -> Somebody:
    """He has just written."""
    somebody = Somebody(PHONE)
    await writes(meta, somebody)
    await await_until(lambda: jobs(bed, ana, kind="read_inbound"), "an end of the jobs", is_so=not_)
    return somebody
