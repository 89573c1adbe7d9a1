"""Words that a workspace adds to those by which people opt out and in again."""

from collections.abc import Iterable

import msgspec

from kith.actions.run import Context
from kith.domain import consent_words, text
from kith.errors import BadValue, naming
from kith.store import tenants

WORDS_MAX = 100


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """As they are compared (`consent_words.fold`). A word of both kinds is a stop."""

    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


class SetWords(msgspec.Struct, frozen=True, kw_only=True):
    """None leaves what is there; an empty list takes all away."""

    stop: tuple[str, ...] | None = None
    start: tuple[str, ...] | None = None


async def get(ctx: Context, _: None) -> Words:
    stop, start = await tenants.words(ctx.tx, tenant_id=ctx.tenant_id)
    return Words(stop=tuple(stop), start=tuple(start))


async def change(ctx: Context, given: SetWords) -> Words:
    """Raises Invalid."""
    known = await get(ctx, None)
    with naming("stop_word"):
        stop = known.stop if given.stop is None else _checked(given.stop)
    with naming("start_word"):
        start = known.start if given.start is None else _checked(given.start)
    await tenants.set_words(ctx.tx, tenant_id=ctx.tenant_id, stop_words=stop, start_words=start)
    return Words(stop=stop, start=start)


def _checked(words: Iterable[str]) -> tuple[str, ...]:
    """Folded, each once, in the order given. Raises BadValue."""
    found = tuple(dict.fromkeys(map(_folded, words)))
    if len(found) > WORDS_MAX:
        raise BadValue(f"may be given {WORDS_MAX} times at most.")
    return found


def _folded(word: str) -> str:
    folded = consent_words.fold(text.line(word, characters_max=consent_words.CHARACTERS_MAX))
    if not folded:
        raise BadValue(f"must hold a letter or a digit, and {word!r} does not.")
    return folded
