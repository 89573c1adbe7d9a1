"""GET /api/v1/me (reference section 3)."""

import pytest

from kith.actions import workspaces
from tests.api.refusals import FORBIDDEN, UNAUTHENTICATED
from tests.cast import Bed, Person


@pytest.mark.parametrize("path", ["/api/v1/me", "/v1/me"])
async def test_works(ana: Person, ben: Person, path: str) -> None:
    """For any scope; the user's id is a number, unlike all others."""
    for caller, name in ((ana, "Ana"), (ben, "Ben")):
        assert caller.workspace is not None
        answer = caller.get(path)
        assert answer.status_code == 200
        assert list(answer.json().items()) == [
            ("id", caller.user.id),
            ("email", caller.user.email),
            ("name", name),
            ("tenant", {"id": caller.workspace.id, "name": "Ana's shop"}),
        ]
        assert isinstance(answer.json()["id"], int)


async def test_user_without_a_workspace(bed: Bed) -> None:
    """200 here, with `tenant: null`; 422 everywhere else (reference C31)."""
    given = workspaces.NewUser(email="nomad@example.com")
    user = await bed.runner.write(workspaces.add_user, given)
    nomad = await bed.person(user, None)
    answer = nomad.get("/api/v1/me")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": user.id, "email": "nomad@example.com", "name": None, "tenant": None,
    }  # fmt: skip
    before = await bed.digest()
    for refused in (
        nomad.get_contact(phone="+14155550123"),
        nomad.create_contact(phone="+14155550123"),
        nomad.get_contact(),
    ):
        assert refused.status_code == 422
        assert refused.json() == {"error": "No workspace configured for this account."}
    assert await bed.digest() == before


def test_no_token(bed: Bed) -> None:
    answer = bed.nobody.get("/api/v1/me")
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_wrong_scope(bed: Bed, ana: Person) -> None:
    await bed.change("UPDATE tokens SET scopes = 'mcp' WHERE id = :id", id=ana.token_id)
    answer = ana.get("/api/v1/me")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_query_means_nothing(ana: Person, mallory: Person) -> None:
    answer = ana.get(f"/api/v1/me?id={mallory.user.id}&tenant_id={mallory.user.tenant_id}")
    assert answer.json()["id"] == ana.user.id
