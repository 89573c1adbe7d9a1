"""What both engines offer, and the one place that chooses between them."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeVar, cast

from kith.errors import CannotStart

T = TypeVar("T")
Row = tuple[Any, ...]
Engine = Literal["sqlite", "postgres"]


class Tx(Protocol):
    """Statements of one transaction, with `:name` parameters; an action awaits nothing else."""

    engine: Engine

    async def one(self, sql: str, **values: Any) -> Row | None:
        """The first row, or None."""

    async def all(self, sql: str, **values: Any) -> Sequence[Row]:
        """Every row; the statement carries its own LIMIT."""

    async def run(self, sql: str, **values: Any) -> None: ...

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Insert many rows the quickest way the engine has."""

    async def script(self, sql: str) -> None:
        """Several statements without parameters: migrations."""


Work = Callable[[Tx], Awaitable[T]]


class Database(Protocol):
    engine: Engine

    def snapshot(self) -> Tx | None:
        """What can be read at once, without waiting; None where a connection must be waited for."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` where it cannot write."""

    async def scan(self, work: Work[T]) -> T:
        """As `read`, for work that may look through much: off the event loop, 5 s at most.

        Raises TookTooLong.
        """

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction; returns when it is on disk. Raises Unavailable.

        `work` may run more than once, so it has no effect beside its `Tx`.
        """

    async def alter(self, work: Work[T]) -> T:
        """As `write`, alone against every other process: migrations."""

    async def check(self) -> list[str]:
        """What is wrong with the stored data; empty when nothing is."""

    async def tidy(self) -> None:
        """Let go of what is no longer needed; to be called every minute or so."""

    async def close(self) -> None: ...


async def connect(
    url: str,
    *,
    cache_mb: int = 16,
    writer_cache_mb: int = 32,
    is_bulk: bool = False,
    on_broken: Callable[[], None] | None = None,
) -> Database:
    """Open `sqlite:///path` or `postgresql://...`; raises CannotStart.

    `cache_mb` is what SQLite may keep of the file in memory for reads, `writer_cache_mb` for
    writes; PostgreSQL has its own. `is_bulk`: much is written, and nobody here is answered.
    `on_broken` is called once when only a restart can tell what is on disk.
    """
    # Imported here so that one engine never pays for the other.
    if url.startswith("sqlite:///"):
        from kith.store.sqlite import SQLite

        return SQLite(
            url.removeprefix("sqlite:///"),
            cache_mb=cache_mb,
            writer_cache_mb=writer_cache_mb,
            is_bulk=is_bulk,
            on_broken=on_broken,
        )
    if url.startswith(("postgresql://", "postgres://")):
        from kith.store.postgres import Postgres

        return await Postgres.open(url)
    raise CannotStart(
        "KITH_DATABASE_URL must start with sqlite:/// or postgresql://, such as sqlite:///./kith.db"
    )


def sqlite_path(url: str) -> str | None:
    """The file behind a URL; None when it is not SQLite."""
    return url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None


def at_once(work: Awaitable[T]) -> T:
    """The result of a coroutine that never waits: others would write in its savepoint (row S5)."""
    coroutine = cast(Coroutine[Any, Any, T], work)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(T, stop.value)
    coroutine.close()
    raise RuntimeError("an action awaited something other than its Tx")
