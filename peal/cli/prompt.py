"""`peal prompt`: instructions that make a language model write a plan."""

from importlib.resources import files
from pathlib import Path

import click

from peal.errors import PealError


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write it to a new file instead.")
def prompt(output: Path | None) -> int:
    """Instructions that make a language model write a plan peal can run."""
    text = files("peal.cli").joinpath("plan_prompt.md").read_text(encoding="utf-8")
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PealError(f"`{output}` is already there; name another file or take it away") from None
    except OSError as error:
        raise PealError(f"cannot write `{output}`: {error.strerror}; name another file") from None
    click.echo(f"written to `{output}`")
    return 0
