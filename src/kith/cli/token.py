"""`kith token`: the keys that programs call the API with."""

from typing import Any, get_args

import click
import msgspec

from kith.actions import tokens
from kith.actions.run import utc_now
from kith.actions.tokens import NewToken
from kith.cli.common import ROW_ID_MAX, as_json, print_json, print_table, printable, read, write
from kith.domain.times import wire, wire_or_none
from kith.domain.tokens import Scope, Token

DAYS_MAX = 36_500
CALLS_MAX = 1_000_000_000


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of programs."""


@token.command()
@click.option("--email", required=True, help="Whose token it is.")
@click.option("--workspace", help="Id or name; needed when that address is in several.")
@click.option("--name", default="token", show_default=True, help="What you will know it by.")
@click.option(
    "--scope",
    type=click.Choice(get_args(Scope)),
    default="write",
    show_default=True,
    help="What it may do; each includes the ones before it.",
)
@click.option(
    "--expires-in-days",
    type=click.IntRange(1, DAYS_MAX),
    help="It stops by itself then.  [default: never]",
)
@click.option(
    "--rate-limit",
    type=click.IntRange(0, CALLS_MAX),
    help="Calls a minute; 0 is without limit.  [default: KITH_RATE_LIMIT_PER_MINUTE]",
)
@as_json
def create(rate_limit: int | None, as_json: bool, **given: Any) -> None:
    """Make a token. It is shown once.

    \b
    Examples:
      kith token create --email ana@example.com --name "web shop"
      kith token create --email ana@example.com --name reports --scope read --expires-in-days 90
    """
    made = write(tokens.create, NewToken(**given, rate_limit_per_minute=rate_limit))
    if as_json:
        expires_at = wire_or_none(made.expires_at)
        print_json({**msgspec.structs.asdict(made), "expires_at": expires_at})
        return
    until = f", until {wire(made.expires_at)}" if made.expires_at else ""
    click.echo(f"""\
Token {made.id}, {printable(made.name)} (may {", ".join(made.scopes)}{until}):

  {made.token}

Keep it now: it is not shown again, and Kith stores only its fingerprint.""")


@token.command("list")
@click.option("--workspace", help="Id or name.  [default: all]")
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show tokens, newest first, without their secret; at most 1,000.

    \b
    Example:
      kith token list --workspace "Acme Co."
    """
    found = read(tokens.list_all, workspace)
    if as_json:
        print_json([_as_dict(one) for one in found])
    elif not found:
        click.echo("No tokens yet. Make one with: kith token create --email ...")
    else:
        headings = ("ID", "NAME", "BEGINS", "USER", "WORKSPACE", "MAY", "LAST USED", "STATE")
        print_table(headings, [_as_row(one) for one in found])


@token.command()
@click.argument("token_id", metavar="ID", type=click.IntRange(1, ROW_ID_MAX))
@as_json
def revoke(token_id: int, as_json: bool) -> None:
    """Stop a token for good; `kith token list` shows the ids.

    Running servers refuse it within a second.

    \b
    Example:
      kith token revoke 3
    """
    write(tokens.revoke, token_id)
    if as_json:
        print_json({"id": token_id, "revoked": True})
    else:
        click.echo(f"Token {token_id} is revoked; running servers refuse it within a second.")


def _as_dict(one: Token) -> dict[str, object]:
    times = {
        name: wire(at) if (at := getattr(one, name)) else None
        for name in ("created_at", "last_used_at", "expires_at", "revoked_at")
    }
    return msgspec.structs.asdict(one) | times


def _as_row(one: Token) -> tuple[object, ...]:
    state = "usable"
    if one.revoked_at:
        state = f"revoked {wire(one.revoked_at)}"
    elif one.expires_at:
        word = "until" if utc_now() < one.expires_at else "expired"
        state = f"{word} {wire(one.expires_at)}"
    used = wire_or_none(one.last_used_at)
    return one.id, one.name, one.hint, one.email, one.workspace, one.scopes[-1], used, state
