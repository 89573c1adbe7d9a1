"""The way in: nothing is taken without a proof, and no address but those of connections exists."""

import pytest

from tests.cast import Bed

NOBODY = "0198f2a4-6d3e-7c51-9b0a-3f2d8c4e5a61"


@pytest.mark.row("T2.2", "R8")
@pytest.mark.parametrize("path", ["/in/", "/in/x", f"/in/{NOBODY}", f"/in/{NOBODY}/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_connection_is_like_no_address(bed: Bed, path: str, method: str) -> None:
    answer = bed.http.request(method, bed.serving.url + path, content=b"{}")
    unknown = bed.http.request(method, bed.serving.url + "/nowhere", content=b"{}")
    assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content)


async def test_nothing_is_stored_of_it(bed: Bed) -> None:
    before = await bed.digest()
    assert bed.http.post(f"{bed.serving.url}/in/{NOBODY}", content=b"{}").status_code == 404
    assert await bed.digest() == before
