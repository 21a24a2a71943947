"""`cinematch token`: tokens for local use, signed with the data directory's own key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.contracts.access_token import Scope
from cinematch.contracts.event_codec import Identifier
from cinematch.errors import ConfigurationError
from cinematch.settings import load_settings

if TYPE_CHECKING:
    from cinematch.local_stack.token_key import TokenKey

DEFAULT_MINUTES: Final = 60

token = typer.Typer(add_completion=False, no_args_is_help=True, help="Tokens for local use (AUTH=jwt).")


@token.command()
def issue(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="Whose list the token opens.")],
    scope: Annotated[list[Scope] | None, typer.Option("--scope", help="What it allows beside that list.")] = None,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How long it is good.")] = DEFAULT_MINUTES,
    data_dir: DataDir = None,
) -> None:
    """Print a token for a user, signed with this data directory's own key.

    An API takes it whose JWT_KEY_FILE is this key's public half, as with `AUTH=jwt cinematch up`.
    """
    settings = load_settings()
    lifetime = timedelta(minutes=minutes)
    typer.echo(
        token_key(data_dir).issue(_user_id(user), scope or (), lifetime, settings.jwt_issuer, settings.jwt_audience)
    )


@token.command()
def key(data_dir: DataDir = None) -> None:
    """Print where the public half of this data directory's key is, for JWT_KEY_FILE; made when there is none."""
    typer.echo(str(token_key(data_dir).public_file()))


def token_key(data_dir: Path | None) -> TokenKey:
    """Give the key of a data directory."""
    from cinematch.local_stack.token_key import TokenKey  # cryptography, which no other command needs

    return TokenKey(data_folder(data_dir))


def _user_id(given: str) -> str:
    try:
        return TypeAdapter[str](Identifier).validate_python(given)
    except ValidationError as error:
        raise ConfigurationError(f"--user {given!r} is no id of a user: {error.errors()[0]['msg']}") from None
