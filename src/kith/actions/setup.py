"""A workspace that can be used at once."""

import msgspec

from kith.actions import tokens, workspaces
from kith.actions.run import Context
from kith.actions.tokens import IssuedToken, NewToken
from kith.actions.workspaces import NewWorkspace, Workspace
from kith.domain.users import User


class Ready(msgspec.Struct, frozen=True):
    workspace: Workspace
    user: User
    token: IssuedToken


async def init(ctx: Context, given: NewWorkspace) -> Ready:
    """A workspace, its first user, and a token of theirs that may do everything. Raises Invalid."""
    workspace, user = await workspaces.create(ctx, given)
    token = await tokens.issue(ctx, user, NewToken(email=user.email, name="init", scope="admin"))
    return Ready(workspace, user, token)
