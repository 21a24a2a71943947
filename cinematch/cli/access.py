"""`cinematch access`: a user of its own for each layer in each store, with what it needs and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from cinematch.cli.store_passwords import load_passwords, new_passwords
from cinematch.contracts.layer_connection import layer_connection
from cinematch.contracts.privileges import Store, privileges
from cinematch.errors import ConfigurationError
from cinematch.settings import load_settings

access = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Users of the stores: one a layer, each with its own privileges."
)


@access.command()
def passwords() -> None:
    """Print a new password for each layer and each store's administrator, as lines of an environment file."""
    typer.echo("# Made by `cinematch access passwords`. Whoever reads this may do everything.")
    for variable, password in new_passwords():
        typer.echo(f"{variable}={password}")


@access.command()
def apply(
    stores: Annotated[list[Store] | None, typer.Argument(help="Only these; default: all of them.")] = None,
) -> None:
    """Make what all layers need, and the layers' users, or bring them up to date; needs administrators' settings.

    Passwords come from the variables that `cinematch access passwords` prints. It may be repeated at any time.
    """
    from cinematch.cli.store_users import APPLY  # every driver, which no other command needs

    settings, given = load_settings(), load_passwords()
    for store in stores or Store:
        users = APPLY[store](settings, given)
        typer.echo(f"{store}: {', '.join(users)}")


@access.command()
def settings(layer: Annotated[str, typer.Argument(help="Whose: api, relay, micro-batch, ...")]) -> None:
    """Print the settings by which a layer connects as its own user, as lines of an environment file."""
    found, given = load_settings(), load_passwords()
    rows = {it.layer: it for it in privileges(found)}
    if layer not in rows:
        raise ConfigurationError(f"there is no layer {layer!r}: it is one of {', '.join(rows)}")
    for variable, value in layer_connection(rows[layer], given.of(rows[layer]), found).items():
        typer.echo(f"{variable}={value}")
