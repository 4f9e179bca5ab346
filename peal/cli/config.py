"""`peal config`: the settings in force, and the settings file changed."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from attrs import asdict

from peal import settings
from peal.cli.options import as_json, repository
from peal.cli.settings_file import SettingsFile
from peal.errors import PealError
from peal.settings import Settings
from peal.settings.editing import with_value, without
from peal.settings.page import outside_tables, toml
from peal.settings.pipelines import pipelines
from peal.system import git
from peal.text.display import harmless


@click.command()
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--sources", is_flag=True, help="Say where each value comes from.")
@click.option("--unset", is_flag=True, help="Take KEY out of the file.")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Instead of peal.toml."
)
@as_json
@repository
def config(
    key: str | None,
    value: str | None,
    sources: bool,
    unset: bool,
    file: Path | None,
    json_: bool,
    repo: Path,
) -> int:
    """
    Show the settings in force, or that of KEY; with a VALUE, change KEY in peal.toml.

    KEY is dotted inside tables: phases.plan.model, agents.mine.command. A VALUE that begins with `-` comes after `--`.
    """
    if unset and (key is None or value is not None):
        raise click.UsageError("--unset wants a KEY and no VALUE")
    if (unset or value is not None) and (json_ or sources):
        raise click.UsageError("--json and --sources are for reading; leave out the VALUE or --unset")
    root = git.top_level(repo)
    if key is not None and (unset or value is not None):
        target = SettingsFile.of(file or root / settings.FILE, str(file or settings.FILE))
        _change(target, key, value)
    else:
        _show(settings.load(root, {}, (), file), key, sources, json_)
    return 0


def _show(found: Settings, key: str | None, sources: bool, json_: bool) -> None:
    values = in_force(found)
    chosen = values if key is None else _chosen(values, key)
    origins = {name: found.origins.get(name, "default") for name in chosen}
    if json_:
        shown = {name: {"value": value, "source": origins[name]} for name, value in chosen.items()}
        click.echo(json.dumps(shown, ensure_ascii=False))
    elif key in chosen and not sources:
        click.echo(harmless(chosen[key]) if isinstance(chosen[key], str) else toml(chosen[key]))
    else:
        for name, value in chosen.items():
            click.echo(_line(name, value) + (f"  # {origins[name]}" if sources else ""))


def _line(name: str, value: Any) -> str:
    """A line of TOML; one that has no value is a comment, as TOML has no word for that."""
    return f"{'# ' if value is None else ''}{name} = {toml(value)}"


def in_force(found: Settings) -> dict[str, Any]:
    """Every value by its dotted path, in the order of the documentation."""
    values = {key.name: getattr(found, key.name) for key in outside_tables()}
    for phase in ("plan", "execute", "address"):
        values |= _under(f"phases.{phase}", asdict(found.phase(phase)))
    for name, agent in found.agents.items():
        values |= _under(f"agents.{name}", asdict(agent))
    return {
        **values,
        "reviewers": [asdict(one) for one in found.reviewers],
        "stet_dismiss_patterns": [asdict(one) for one in found.stet_dismiss_patterns],
        **_under("backlog", asdict(found.backlog)),
        **_under("guardrails", asdict(found.guardrails)),
        **_under("execution", asdict(found.execution)),
        **_under("notify", asdict(found.notify)),
        **_pipelines(found),
    }


def _pipelines(found: Settings) -> dict[str, Any]:
    """Each list of phases by its dotted path; of a phase what is not as by default."""
    return {
        f"pipelines.{name}.{pool}": [
            asdict(phase, filter=lambda key, value: value != key.default) for phase in getattr(pipeline, pool)
        ]
        for name, pipeline in pipelines(found).items()
        for pool in ("pre_phases", "phases")
    }


def _under(path: str, table: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word, value in table.items():
        here = f"{path}.{word}"
        values |= _under(here, value) if isinstance(value, dict) and value else {here: value}
    return values


def _chosen(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The key, or everything in the table of that name; PealError with the near miss if there is neither."""
    chosen = {name: value for name, value in values.items() if name == key or name.startswith(f"{key}.")}
    if key in settings.PHASE_GOLEM_NAMES:
        raise PealError(f"`{key}` is another name for `{settings.PHASE_GOLEM_NAMES[key]}`; use that")
    if not chosen and key != "agents":
        near = difflib.get_close_matches(key, values, n=1, cutoff=0.6)
        meant = f"did you mean `{near[0]}`?" if near else "`peal config` lists them all"
        raise PealError(f"`{key}` is no key; {meant}")
    return chosen


def _change(file: SettingsFile, key: str, value: str | None) -> None:
    """Write the change if the file is right after it; taking a key out may leave what was wrong before."""
    from tomlkit.exceptions import ParseError

    problems = settings.checked(file.text, file.name)[1]
    try:
        text = without(file.text, key) if value is None else with_value(file.text, key, value)
    except ParseError:
        raise PealError("\n".join(problems)) from None
    except ValueError as error:
        raise PealError(f"{error}; `{file.name}` is as it was") from None
    wrong = settings.checked(text, file.name)[1]
    if left := [problem for problem in wrong if value is not None or problem not in problems]:
        raise PealError("\n".join(left))
    file.write(text)
    _tell(file, key, value)


def _tell(file: SettingsFile, key: str, value: str | None) -> None:
    click.echo(f"`{key}` is {'no longer set' if value is None else 'set'} in `{file.name}`")
    variable = settings.ENV_PREFIX + key.upper()
    if os.environ.get(variable) and key in {known.name for known in settings.scalars()}:
        click.echo(f"note: `{variable}` is set and comes before the file")
