"""`kith workspace`: what a workspace says of itself."""

import click

from kith.actions import workspace_settings
from kith.actions.workspace_settings import Change, Shown
from kith.cli.acting import in_workspace, wrong_usage
from kith.cli.common import as_json, print_fields, print_json, read, write


@click.group()
def workspace() -> None:
    """Show and change what holds in a workspace."""


@workspace.command()
@in_workspace
@as_json
def show(workspace: str | None, as_json: bool) -> None:
    """Show a workspace and its settings.

    \b
    Example:
      kith workspace show
    """
    _print(read(workspace_settings.show, workspace), as_json=as_json)


@workspace.command("set")
@click.option(
    "--region",
    metavar="XX",
    help='The country in which numbers without a country code are read, such as FR; "" for none.',
)
@click.option(
    "--window-margin",
    "window_margin_s",
    type=int,
    metavar="SECONDS",
    help="How long before its end WhatsApp's 24-hour window counts as closed.",
)
@click.option(
    "--opt-in-new/--no-opt-in-new",
    "opts_in_new",
    default=None,
    help="Whether contacts that are made over the API count as opted in to marketing on WhatsApp,"
    " which nothing proves then.",
)
@click.option(
    "--stop-word",
    "stop_words",
    metavar="WORD",
    multiple=True,
    help="A word by which people opt out here, beside those of all workspaces; may be given again,"
    ' and replaces those set before. "" for none.',
)
@click.option(
    "--start-word",
    "start_words",
    metavar="WORD",
    multiple=True,
    help='The same for opting in again; "" for none.',
)
@in_workspace
@as_json
def set_(
    workspace: str | None,
    region: str | None,
    window_margin_s: int | None,
    opts_in_new: bool | None,
    stop_words: tuple[str, ...],
    start_words: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change settings of a workspace; what is left out stays.

    Running servers follow at once, or within a second.

    \b
    Examples:
      kith workspace set --region FR
      kith workspace set --region "" --window-margin 300
      kith workspace set --stop-word genug --stop-word "lass mich"
    """
    wanted = Change(
        workspace=workspace,
        region=region,
        window_margin_s=window_margin_s,
        opts_in_new=opts_in_new,
        stop_words=stop_words or None,
        start_words=start_words or None,
    )
    if wanted == Change(workspace=workspace):
        raise wrong_usage(
            "Give what to change: --region, --window-margin, --opt-in-new, --stop-word or"
            " --start-word."
        )
    _print(write(workspace_settings.change, wanted), as_json=as_json)


def _print(shown: Shown, *, as_json: bool) -> None:
    fields: dict[str, object] = {
        "tenant_id": shown.workspace.id,
        "workspace": shown.workspace.name,
        "region": shown.settings.default_region,
        "window_margin_s": shown.settings.window_margin_s,
        "opt_in_new": shown.settings.opts_in_new,
        "stop_words": shown.words.stop,
        "start_words": shown.words.start,
    }
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)
