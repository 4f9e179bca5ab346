"""`peal convert`: any plan that peal reads, in peal's own format."""

from pathlib import Path

import click

from peal.cli.options import format_option, write_new
from peal.errors import PealError
from peal.jobs.plan_files import fit, read_plan


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Write it to a new file instead.")
@format_option
def convert(plan: Path, output: Path | None, format_name: str | None) -> int:
    """
    Print PLAN in peal's own format: the same tasks, order and marks; no agent is asked.

    What that format has no mark for, such as optional tasks, is told on stderr. Exit 1 if tasks would be read as others.
    """
    from peal import formats  # only here: reading markdown takes long to load

    read = fit(read_plan(plan, None, format_name or ""))
    try:
        raw, told = formats.converted(read)
    except ValueError as error:
        raise PealError(
            f"`{plan}` cannot be written in peal's own format: {error}; reword that in the plan"
        ) from None
    for text in told:
        click.echo(f"note: {text}", err=True)
    if output is None:
        click.echo(raw, nl=False)
        return 0
    write_new(output, raw)
    return 0
