"""`kith check`: whether this Kith can run, and what is wrong when it cannot."""

import asyncio
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from kith.cli.common import EXIT_REFUSED, as_json, print_json, printable, sentence, settings_of
from kith.domain.secret_key import fault
from kith.errors import AppError, CannotStart, Refused
from kith.settings import PREFIX, Settings
from kith.store import migrate, secret_key, versions
from kith.store.database import Database, Engine, connect, sqlite_path
from kith.wiring import key_file, read_key, try_media

FAULTS_SHOWN_MAX = 5

_NO_FAULT: dict[Engine, str] = {
    "sqlite": "no fault found",
    "postgres": "left to PostgreSQL, which checks its own pages; Kith asked whether it answers",
}

# Too much is hidden rather than too little: everything up to the last "@".
_PASSWORD = re.compile(r"(://[^:@/?]*:).*@|(?<=[?&])((?:ssl)?password=)[^&]*", re.IGNORECASE)


class Finding(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    detail: str


@click.command()
@as_json
def check(as_json: bool) -> None:
    """Show the settings and check the database.

    Is it reachable, current and, on SQLite, intact?

    It migrates nothing and changes no data, but it opens a SQLite file as a server does: it needs
    to be allowed to write there. May run beside a server. Exit status 0 when everything is in
    order, else 1.
    """
    settings = settings_of()
    findings = [Finding("versions", True, _versions()), *_database(settings), *_files(settings)]
    is_fine = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": is_fine, "settings": _shown(settings), "checks": findings})
    else:
        for name, value in _shown(settings).items():
            click.echo(f"{name}={printable('' if value is None else str(value))}")
        click.echo()
        for finding in findings:
            word = "ok    " if finding.ok else "FAILED"
            click.echo(f"{word}  {finding.name}: {printable(finding.detail)}")
    sys.exit(0 if is_fine else EXIT_REFUSED)


def _database(settings: Settings) -> list[Finding]:
    path = sqlite_path(settings.database_url)
    if path and not Path(path).exists():  # opening it would make it
        text = f"there is no file {path} yet; `kith migrate` or `kith serve` makes it"
        return [Finding("database", False, text)]
    return asyncio.run(_look(settings))


async def _look(settings: Settings) -> list[Finding]:
    try:
        database = await connect(settings.database_url)
    except CannotStart as error:
        return [Finding("database", False, sentence(error))]
    try:
        found = [await step(database) for step in (_engine, _schema, _integrity)]
        if all(one.ok for one in found):  # else there may be nothing to know the key by
            found.append(await _key(database, settings))
        return found
    except AppError as error:
        return [Finding("database", False, sentence(error))]
    finally:
        await database.close()


async def _engine(database: Database) -> Finding:
    return Finding("database", True, await database.read(versions.of_engine))


async def _schema(database: Database) -> Finding:
    present, newest = await database.read(migrate.version), migrate.known()[-1].version
    if present == newest:
        return Finding("schema", True, f"version {present}, current")
    if present > newest:
        return Finding("schema", False, f"version {present}, newer than this Kith knows ({newest})")
    text = f"version {present} of {newest}; `kith migrate` or `kith serve` brings it up to date"
    return Finding("schema", False, text)


async def _integrity(database: Database) -> Finding:
    faults = await database.check()
    text = "; ".join(faults[:FAULTS_SHOWN_MAX]) if faults else _NO_FAULT[database.engine]
    return Finding("integrity", not faults, text)


async def _key(database: Database, settings: Settings) -> Finding:
    noted = await database.read(secret_key.find)
    if noted is not None and (wrong := fault(settings.secret_key, noted)):
        return Finding("key", False, wrong)
    file = key_file(settings)
    try:
        if file is not None and file.exists():
            read_key(file)
    except Refused as problem:
        return Finding("key", False, problem.text)
    if noted is None:
        return Finding("key", True, "not used yet; the next start of the server notes which it is")
    return Finding("key", True, "KITH_SECRET_KEY is as this database is used with")


def _files(settings: Settings) -> list[Finding]:
    """Made by the server alone: made here, the folder could be another user's."""
    if not settings.media_dir:
        return []
    if not Path(settings.media_dir).exists():
        text = f"there is no folder {settings.media_dir} yet; `kith serve` makes it"
        return [Finding("files", False, text)]
    try:
        try_media(settings)
    except CannotStart as error:
        return [Finding("files", False, sentence(error))]
    return [Finding("files", True, f"{settings.media_dir} takes files")]


def _versions() -> str:
    return f"Kith {version('kith')} on Python {platform.python_version()}"


def _shown(settings: Settings) -> dict[str, object]:
    """Every setting by its variable's name, without secrets."""
    values = msgspec.structs.asdict(settings)
    values["database_url"] = _PASSWORD.sub(_masked, settings.database_url)
    values["secret_key"] = "***" if settings.secret_key else ""
    return {PREFIX + name.upper(): value for name, value in values.items()}


def _masked(match: re.Match[str]) -> str:
    return f"{match[1]}***@" if match[1] else f"{match[2]}***"
