"""A group of commands, each loaded when it is asked for, so that a quick one is quick."""

import difflib
import importlib
import keyword
from collections.abc import Sequence
from typing import Any

import click


class LazyGroup(click.Group):
    """
    Commands in modules of a package, each in one of its own, which holds it by the same name; listed in their order.

    One whose name is a word of Python's has a `_` behind it there.
    """

    def __init__(self, *, package: str, names: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self._package = package
        self._names = names

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every command."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in self._names:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(importlib.import_module(f"{self._package}.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the near miss for a word that is no command."""
        if args and args[0] not in self._names and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._names, n=1)
            whole = ctx.command_path
            shown = near[0] if near and whole == "peal" else " ".join((whole, *near))
            hint = f"did you mean `{shown}`?" if near else f"see `{whole} --help`"
            raise click.UsageError(f"there is no command `{args[0]}`; {hint}", ctx)
        return super().resolve_command(ctx, args)
