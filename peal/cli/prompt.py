"""`peal prompt`: instructions that make a language model write a plan."""

from importlib.resources import files
from pathlib import Path

import click

from peal.cli.options import write_new


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write it to a new file instead.")
def prompt(output: Path | None) -> int:
    """Instructions that make a language model write a plan peal can run."""
    text = instructions()
    if output is None:
        click.echo(text, nl=False)
        return 0
    write_new(output, text.encode())
    return 0


def instructions() -> str:
    """What a plan looks like, and what makes a good one."""
    return files("peal.cli").joinpath("plan_prompt.md").read_text(encoding="utf-8")
