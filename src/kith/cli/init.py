"""`kith init`: from nothing to a token."""

import click

from kith.actions import setup
from kith.actions.workspaces import NewWorkspace
from kith.cli.common import address, as_json, print_json, printable, settings_of, write


@click.command()
@click.option("--workspace", required=True, help='The name of the workspace, such as "Acme Co."')
@click.option("--email", required=True, help="The e-mail address of its first user.")
@click.option("--name", help="What that user is called.")
@as_json
def init(workspace: str, email: str, name: str | None, as_json: bool) -> None:
    """Make a workspace, its first user and a token.

    The token may do everything in that workspace. It is shown once.

    \b
    Example:
      kith init --workspace "Acme Co." --email ana@example.com
    """
    settings = settings_of()
    given = NewWorkspace(name=workspace, email=email, user_name=name)
    made = write(setup.init, given, may_make=True)
    token = made.token.token
    if as_json:
        print_json({"token": token, "tenant_id": made.workspace.id, "user_id": made.user.id})
        return
    url = address(settings)
    click.echo(f"""\
Workspace  {printable(made.workspace.name)}  ({made.workspace.id})
User       {printable(made.user.email)}  ({made.user.id})
Token      {token}

Keep the token now: it is not shown again, and Kith stores only its fingerprint.

Next, start the server:

  kith serve

and ask it, from another terminal, who you are:

  curl {url}/api/v1/me \\
    -H "Authorization: Bearer {token}"
""")
