"""Forms on web pages: made and changed by the operator."""

from collections.abc import Mapping, Sequence

import msgspec

from kith.actions import connections, workspaces
from kith.actions.connections import NewConnection
from kith.actions.run import Context
from kith.domain import opt_ins, phone, tags, text
from kith.domain.connections import Connection
from kith.domain.opt_ins import Terms
from kith.domain.phone import Phone
from kith.errors import BadValue, Invalid, Refused, naming
from kith.store import connections as connection_rows
from kith.store import opt_ins as opt_in_rows


class NewWidget(msgspec.Struct, frozen=True, kw_only=True):
    """Without a `wording`, Kith's own, in every language of the form."""

    origins: Sequence[str]
    wording: str | None = None
    wording_version: str | None = None
    whatsapp: str | None = None
    tags: Sequence[str] = ()
    name: str | None = None
    workspace: str | None = None


class ChangeWidget(msgspec.Struct, frozen=True, kw_only=True):
    """What is set is put in place of what is there; a blank `whatsapp` takes the number away.

    A new `wording` needs a version of its own: what people agreed to is never edited.
    """

    connection_id: str
    origins: Sequence[str] = ()
    wording: str | None = None
    wording_version: str | None = None
    whatsapp: str | None = None
    tags: Sequence[str] = ()


async def create(ctx: Context, given: NewWidget) -> Connection:
    """Raises Invalid, NotFound for the workspace, Refused without a key to seal secrets with."""
    workspace = await workspaces.find_or_only(ctx, given.workspace)
    if given.wording is None:
        if given.wording_version is not None:
            raise Invalid({"wording": ["The wording of this version is missing: give it, too."]})
        version, texts = opt_ins.DEFAULT_VERSION, opt_ins.default_wordings(workspace.name)
    else:
        version, texts = _version(given.wording_version or "1"), _texts(given.wording)
    terms = Terms(
        origins=_origins(given.origins),
        wording_version=version,
        whatsapp=_number(given.whatsapp) if given.whatsapp else None,
        tags=_tags(given.tags),
    )
    new = NewConnection(
        system="widget",
        secrets={"secret": ctx.new_secret().hex()},
        config=msgspec.to_builtins(terms),
        name=given.name,
        workspace=workspace.id,
    )
    connection = await connections.create(ctx, new)
    await _keep(ctx, connection, version, texts)
    return connection


async def change(ctx: Context, given: ChangeWidget) -> Connection:
    """Raises NotFound, Invalid; Refused when it is another system's or the version is taken."""
    connection = await connections.find(ctx, given.connection_id)
    if connection.system != "widget":
        raise Refused(f"This is a connection with {connection.system}, not a form on web pages.")
    terms = opt_ins.terms_of(connection)
    terms = Terms(
        origins=_origins(given.origins) if given.origins else terms.origins,
        wording_version=await _worded(ctx, connection, given) or terms.wording_version,
        whatsapp=terms.whatsapp if given.whatsapp is None else _number(given.whatsapp),
        tags=_tags(given.tags) if given.tags else terms.tags,
    )
    config: Mapping[str, object] = msgspec.to_builtins(terms)
    await connection_rows.set_config(
        ctx.tx, tenant_id=connection.tenant_id, uuid=connection.id, config=config
    )
    return msgspec.structs.replace(connection, config=config)


async def _worded(ctx: Context, connection: Connection, given: ChangeWidget) -> str | None:
    """The version to put in force, an earlier one or a new one; None to leave it as it is."""
    if given.wording is None and given.wording_version is None:
        return None
    if given.wording_version is None:
        problem = "The wording version is missing: a new wording has a version of its own."
        raise Invalid({"wording_version": [problem]})
    version = _version(given.wording_version)
    known = await opt_in_rows.wording(
        ctx.tx,
        tenant_id=connection.tenant_id,
        connection_row_id=connection.row_id,
        version=version,
    )
    if given.wording is None:
        if known is None:
            raise Invalid({"wording": ["The wording of this version is missing: give it, too."]})
        return version
    texts = _texts(given.wording)
    if known is None:
        await _keep(ctx, connection, version, texts)
    elif known != texts:
        raise Refused(
            f"Version {version} has another wording, which people may have agreed to. Give the new"
            " one a version of its own."
        )
    return version


async def _keep(
    ctx: Context, connection: Connection, version: str, texts: Mapping[str, str]
) -> None:
    await opt_in_rows.add_wording(
        ctx.tx,
        tenant_id=connection.tenant_id,
        connection_row_id=connection.row_id,
        version=version,
        texts=texts,
        at=ctx.now,
    )


def _origins(given: Sequence[str]) -> tuple[str, ...]:
    with naming("origin"):
        if not 1 <= len(given) <= opt_ins.ORIGINS_MAX:
            raise BadValue(f"must be given 1 to {opt_ins.ORIGINS_MAX} times.")
        return tuple(dict.fromkeys(map(opt_ins.parse_origin, given)))


def _version(given: str) -> str:
    with naming("wording_version"):
        version = text.line(given, characters_max=opt_ins.VERSION_CHARACTERS_MAX)
        if not version:
            raise BadValue("may not be blank.")
        return version


def _texts(wording: str) -> dict[str, str]:
    """In one language, that of the pages it is for."""
    with naming("wording"):
        line = text.line(wording, characters_max=opt_ins.WORDING_CHARACTERS_MAX)
        if not line:
            raise BadValue("may not be blank.")
    return {"": line}


def _number(given: str) -> Phone | None:
    with naming("whatsapp"):
        return phone.parse(given) if given.strip() else None


def _tags(given: Sequence[str]) -> tuple[str, ...]:
    with naming("tag"):
        return tuple(dict.fromkeys(tags.parse_one(one) for one in given if one.strip()))
