"""What goes wrong on machines is told for what it is, and costs no more than it has to."""

import pytest
from conftest import Repo
from test_machines import RUN, ledger, plan

__all__ = ["ledger"]

UNREADABLE = (
    r"printf '*.txt working-tree-encoding=UTF-16\n' >.gitattributes; echo hello >a.txt; printf 'more\r\n' >b"
)


def results(project: Repo) -> list[str]:
    """How each attempt ended."""
    return [event["outcome"]["result"] for event in project.recorded("StepEnded")]


@pytest.mark.usefixtures("ledger")
def test_what_git_cannot_take_in_there_is_kept_as_here(project: Repo) -> None:
    """An agent's bad file is its failure, and costs neither its work nor the machine's store."""
    project.git("config", "core.autocrlf", "input")
    plan(project, UNREADABLE)

    said = project.peal(*RUN, "--machines", "local:1", code=1).stdout

    assert results(project)[-1] == "failed"
    assert "lost" not in results(project)
    assert "BOM is required" in said
    (kept,) = (path for path in project.path.glob(".peal/worktrees/*") if (path / "a.txt").exists())
    assert (kept / "a.txt").read_bytes() == b"hello\n"
    assert (kept / "b").read_bytes() == b"more\r\n"
    (store,) = project.path.glob(".peal/machines/local-1/*/store.git")
    made = store.stat().st_ino
    plan(project, "echo 1 >one")
    project.peal(*RUN, "--fresh", "--machines", "local:1")
    assert store.stat().st_ino == made
