"""`kith user`: the people of a workspace."""

import click

from kith.actions import workspaces
from kith.actions.workspaces import NewUser, UserAt
from kith.cli.common import as_json, print_json, print_table, printable, read, write
from kith.domain.users import User


@click.group()
def user() -> None:
    """Add, list and shut out the people of a workspace."""


@user.command()
@click.option("--email", required=True, help="Their e-mail address.")
@click.option("--workspace", required=True, help="Id or name of the workspace.")
@click.option("--name", help="What they are called.")
@as_json
def create(email: str, workspace: str, name: str | None, as_json: bool) -> None:
    """Add a person to a workspace.

    `kith token create` then makes them a token.

    \b
    Example:
      kith user create --workspace "Acme Co." --email ben@example.com --name Ben
    """
    made = write(workspaces.add_user, NewUser(email=email, name=name, workspace=workspace))
    if as_json:
        print_json(_as_dict(made))
        return
    email, workspace = printable(made.email), printable(made.tenant_name or "")
    click.echo(f"Added {email} (user {made.id}) to the workspace {workspace}")
    click.echo(f"Next: kith token create --email {email}")


@user.command("list")
@click.option("--workspace", help="Id or name.  [default: all]")
@as_json
def list_(workspace: str | None, as_json: bool) -> None:
    """Show users, oldest first; at most 1,000.

    \b
    Example:
      kith user list --workspace "Acme Co."
    """
    found = read(workspaces.list_users, workspace)
    if as_json:
        print_json([_as_dict(one) for one in found])
    elif not found:
        click.echo('No users yet. Begin with: kith init --workspace "Acme Co." --email ...')
    else:
        rows = [
            (one.id, one.email, one.name, one.tenant_name, "revoked" if one.is_revoked else "-")
            for one in found
        ]
        print_table(("ID", "EMAIL", "NAME", "WORKSPACE", "STATE"), rows)


@user.command()
@click.argument("email")
@click.option("--workspace", help="Id or name; needed when that address is in several.")
@as_json
def revoke(email: str, workspace: str | None, as_json: bool) -> None:
    """Shut a person out: all their tokens stop for good.

    Running servers refuse them within a second.

    \b
    Example:
      kith user revoke ben@example.com
    """
    shut_out = write(workspaces.revoke_user, UserAt(email=email, workspace=workspace))
    if as_json:
        print_json(_as_dict(shut_out))
        return
    click.echo(f"{printable(shut_out.email)} is shut out: every token of theirs has stopped.")


def _as_dict(one: User) -> dict[str, object]:
    return {
        "user_id": one.id,
        "email": one.email,
        "name": one.name,
        "tenant_id": one.tenant_uuid,
        "workspace": one.tenant_name,
        "revoked": one.is_revoked,
    }
