"""The outermost group of commands, and the one place where errors are told."""

import contextlib
import gc
import platform
import sys
import tempfile
import traceback
from io import TextIOWrapper
from typing import Any

import click

from peal.cli.lazy_group import LazyGroup
from peal.errors import PealError
from peal.system.version import version
from peal.text.display import harmless

_COMMANDS = (
    "run", "resume", "status", "runs", "logs", "diff", "report", "pr", "stop", "redo", "done", "check", "convert", "draft", "backlog", "prompt", "agents", "machine",
    "clean", "doctor", "init", "config",
)  # fmt: skip
"""In the order they are listed in."""


def _tell_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        click.echo(f"peal {version()}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    package="peal.cli",
    names=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version, with the commit where that is known, and exit.",
)
def peal() -> None:
    """Carries out written plans with coding-agent CLIs: parallel where it is safe, resumable whatever happens."""


def run_command_line() -> int:
    """Run the command in `sys.argv`; gives the exit code. Every error is told here, once, on stderr."""
    # peal's values make no cycles: looking for some after every 700th would take a quarter of reading a long journal.
    gc.set_threshold(100_000)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a letter the terminal does not know is no reason to fall silent
            stream.reconfigure(errors="backslashreplace")
    try:
        code: Any = peal.main(prog_name="peal", standalone_mode=False)
    except BrokenPipeError:
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    except Exception as error:
        code, text = _told(error)
        with contextlib.suppress(OSError):
            click.echo(text, err=True)
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> tuple[int, str]:
    """The exit code an error leads to, and what to say."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return 1, error.format_message()
        case click.NoSuchOption():
            return 1, f"error: {_no_such_option(error)}"
        case click.ClickException():
            return 1, f"error: {_lower(error.format_message())}"
        case OSError():
            return 1, f"error: {_unusable(error)}"
        case PealError():
            return error.exit_code, "\n".join(f"error: {harmless(line)}" for line in str(error).splitlines())
    return 70, _bug_report()


def _no_such_option(error: click.NoSuchOption) -> str:
    from peal.settings import REPLACED_FLAGS

    name, near = error.option_name, error.possibilities
    if instead := REPLACED_FLAGS.get(name):
        return f"`{name}` is a flag of the Rust peal; here {instead}"
    return f"there is no option `{name}`; {f'did you mean `{near[0]}`?' if near else 'see --help'}"


def _unusable(error: OSError) -> str:
    """A file or stream that cannot be used, wherever that was met."""
    where = f"`{error.filename}`" if error.filename else "standard output, or a file"
    return f"cannot use {where}: {error.strerror or error}; mend that and try again"


def _lower(message: str) -> str:
    """click begins its messages with a capital and ends them with a stop; peal does neither."""
    return (message[:1].lower() + message[1:]).rstrip(".")


def _bug_report() -> str:
    command = " ".join(["peal", *sys.argv[1:]])
    report = (
        f"### peal {version()}: `{command}`\n\n"
        f"Python {platform.python_version()}, {platform.platform()}\n\n```\n{traceback.format_exc()}```\n"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="peal-bug-", suffix=".md", delete=False
        ) as file:
            file.write(report)
    except OSError:
        return f"error: a bug in peal; please report this:\n{report}"
    return f"error: a bug in peal; please report it with the contents of `{file.name}`"
