"""Which KITH_SECRET_KEY a database is used with: that of its server, from the first start on.

Whatever was hashed or sealed with it before is unknown to another: an opt-out that outlived an
erasure would be lost without a word (decision 0019).
"""

from kith.actions.run import Context
from kith.domain import secret_key
from kith.errors import Refused
from kith.store import secret_key as rows


async def fault(ctx: Context, key: str) -> str | None:
    """What is wrong with a command's key, as a sentence."""
    noted = await rows.find(ctx.tx)
    return secret_key.fault(key, noted) if noted is not None else None


async def is_noted(ctx: Context, key: str) -> bool:
    """Whether a server with this key has nothing to note. Raises Refused when it is not the one
    that something in here was made with."""
    noted = await rows.find(ctx.tx)
    wrong = secret_key.fault(key, noted) if noted is not None else None
    if wrong is not None and await rows.is_used(ctx.tx):
        raise Refused(wrong)
    return noted is not None and wrong is None


async def note(ctx: Context, key: str) -> None:
    """That of a server, in place of one that nothing was made with. Raises Refused."""
    if not await is_noted(ctx, key):
        await adopt(ctx, key)


async def note_use(ctx: Context) -> None:
    """Something is made with the key for the first time, maybe before a server was started."""
    salt = ctx.new_secret().hex()
    await rows.add(ctx.tx, secret_key.mark(ctx.secret_key(), salt=salt))


async def adopt(ctx: Context, key: str) -> None:
    """From now on it is this one; what was made with another stays unknown to it."""
    await rows.put(ctx.tx, secret_key.mark(key, salt=ctx.new_secret().hex()))
