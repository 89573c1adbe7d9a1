"""`kith templates`: what Meta has approved, as Kith knows it."""

import click

from kith.actions import template_syncs
from kith.actions.run import Runner
from kith.actions.templates import Synced
from kith.cli.acting import in_workspace
from kith.cli.common import as_json, print_json, run
from kith.errors import Refused
from kith.integrations.whatsapp.client import Graph, GraphFailed, Rejected
from kith.jobs.sync_templates import TemplateSync


@click.group()
def templates() -> None:
    """Know the templates that Meta has approved."""


@templates.command()
@in_workspace
@as_json
def sync(workspace: str | None, as_json: bool) -> None:
    """Ask Meta for the templates of each connected account.

    Kith then knows exactly those.

    A worker does so by itself every six hours.

    \b
    Example:
      kith templates sync
    """
    synced = run(lambda runner: _sync(runner, workspace))
    count = sum(one.translations for one in synced)
    unreadable = sum(one.unreadable for one in synced)
    if as_json:
        print_json({"translations": count, "unreadable": unreadable})
        return
    click.echo(f"{count} translations are known.")
    if unreadable:
        click.echo(f"{unreadable} could not be read and are left out.")


async def _sync(runner: Runner, workspace: str | None) -> list[Synced]:
    graph = Graph()
    try:
        accounts = await runner.read(template_syncs.accounts, workspace)
        job = TemplateSync(graph)
        return [await job.sync(runner, one.account, one.caller) for one in accounts]
    except Rejected as refused:
        told = refused.refusal
        raise Refused(f"Meta refused: {told.title} ({told.code}).") from None
    except GraphFailed as problem:
        raise Refused(f"Meta could not be asked: {problem}") from None
    finally:
        await graph.close()
