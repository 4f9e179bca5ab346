"""`peal check`: what peal reads in plans, and every problem."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from peal.cli.options import as_json, format_option, repo_paths_of
from peal.errors import PealError
from peal.jobs.plan_files import can_be_rewritten, read_plan
from peal.model.plan import Plan, Task, id_as_json
from peal.settings import Settings, load
from peal.system.layout import RepoPaths
from peal.text.display import count, harmless
from peal.text.names import ranges, widest
from peal.views.graph import as_dot, as_text


@click.command()
@click.argument("plans", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PLAN...")
@format_option
@click.option("--graph", is_flag=True, help="Draw what waits for what, and the longest chain.")
@click.option("--dot", is_flag=True, help="The same for Graphviz: peal check PLAN --dot | dot -Tsvg")
@as_json
def check(plans: tuple[Path, ...], format_name: str | None, graph: bool, dot: bool, json_: bool) -> int:
    """Read plans without running them: tasks, segments, every problem with its line. Exit 1 if there is a problem."""
    if graph + dot + json_ > 1:
        raise click.UsageError("--graph, --dot and --json are three ways to show a plan; choose one")
    read = [read_plan(path, _places(path), format_name or "") for path in plans]
    if dot:
        _tell_problems(read)
        click.echo("\n".join(line for plan in read if not plan.problems for line in as_dot(plan)))
    elif graph:
        _tell_problems(read)
        drawn = (plan for plan in read if not plan.problems)
        click.echo("\n".join(line for plan in drawn for line in (_head(plan), *as_text(plan))))
    elif json_:
        click.echo(json.dumps({"plans": [_as_json(plan) for plan in read]}, ensure_ascii=False))
    else:
        click.echo("\n".join(line for plan in read for line in (*lines(plan), *_branch_of(plan))))
    return 1 if any(plan.problems for plan in read) else 0


def _places(plan: Path) -> RepoPaths | None:
    """Where a repository around the plan remembers it; None if it lies in none."""
    try:
        return repo_paths_of(plan.parent)
    except PealError:
        return None


def _branch_of(plan: Plan) -> Iterator[str]:
    """Where its results land, if the settings name a branch for them."""
    path = Path(plan.path)
    repo_paths = _places(path)
    if repo_paths is None:
        return
    with suppress(PealError):  # the settings are not what is checked here
        settings = load(repo_paths.repo, {})
        if settings.branch:
            yield f"  lands in: {_told_branch(repo_paths, path, settings)}"


def _told_branch(repo_paths: RepoPaths, plan: Path, settings: Settings) -> str:
    from peal.workspaces.named_branch import target_of  # only here: it takes long to load

    try:
        target, begins_at = target_of(repo_paths, plan, settings)
    except PealError as error:
        return f"nowhere: {error}"
    return f"`{target.branch}`{', which is not there: a run makes it' if begins_at else ''}"


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "path": plan.path,
        "format": plan.format,
        "evidence": plan.evidence,
        "tasks": [
            {
                "id": task.id,
                "index": id_as_json(task.id),
                "title": task.title,
                "done": task.done,
                "parallel": task.parallel,
                "after": list(map(id_as_json, task.after)),
                "section": task.section,
                "optional": task.is_optional,
                "by_person": task.by_person,
                "checks": task.checks,
                "manual_checks": task.manual_checks,
                "files": task.files,
                "line": task.line,
            }
            for task in plan.tasks
        ],
        "parents": [
            {"id": parent.id, "title": parent.title, "done": parent.done, "line": parent.line}
            for parent in plan.parents
        ],
        "segments": [
            {"kind": segment.kind, "tasks": list(map(id_as_json, segment.tasks))} for segment in plan.segments
        ],
        "problems": [{"line": found.line, "message": found.message} for found in plan.problems],
        "notes": [{"line": found.line, "message": found.message} for found in plan.notes],
    }


def _tell_problems(plans: Iterable[Plan]) -> None:
    """What cannot be drawn, beside what can."""
    for plan in plans:
        for problem in plan.problems:
            click.echo(f"{harmless(plan.path)}, line {problem.line}: {problem.message}", err=True)


def _head(plan: Plan) -> str:
    return f"{harmless(plan.path)}: {count(len(plan.tasks), 'task')}, {count(len(plan.segments), 'segment')}"


def _remarks(task: Task) -> str:
    """What is to be told of a task beside its title."""
    remarks = [
        *([f"after {ranges(task.after)}"] if task.after else []),
        *(["optional"] if task.is_optional else []),
        *(["by a person"] if task.by_person else []),
        *(["done"] if task.done else []),
    ]
    return "".join(f" ({remark})" for remark in remarks)


def lines(plan: Plan) -> list[str]:
    """What a person is shown of a plan: its tasks, what runs side by side, notes and problems."""
    titles = {task.id: task for task in plan.tasks}
    evidence = f" ({harmless(plan.evidence)})" if plan.evidence else ""
    found, wide = [_head(plan), f"  format: {plan.format}{evidence}"], widest(titles)
    for segment in plan.segments:
        if segment.kind == "parallel":
            found.append(f"  side by side: {ranges(segment.tasks)}")
        for name in segment.tasks:
            task = titles[name]
            found.append(f"  {name:>{wide}}  {harmless(task.shown_title)}{_remarks(task)}  line {task.line}")
            found += [f"  {'':>{wide}}    check: {harmless(command)}" for command in task.checks]
    found += [f"  note, line {note.line}: {note.message}" for note in plan.notes]
    found += [f"  problem, line {problem.line}: {problem.message}" for problem in plan.problems]
    if plan.problems and can_be_rewritten(plan):
        found.append("  or pass --normalize to `peal run`, which lets an agent rewrite it")
    return found
