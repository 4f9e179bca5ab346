"""A check that cannot check says so: the person's hooks, commands, filters and environments."""

import pytest
from conftest import Repo, commit_plan, run_plan

# Commands of the settings.


@pytest.mark.parametrize("command", ["true && false", "echo ok | grep nothing"])
def test_a_reviewer_that_takes_a_shell_is_refused_before_anything_starts(project: Repo, command: str) -> None:
    project.write("peal.toml", f'[[reviewers]]\nname = "tests"\ncommand = "{command}"\n')
    commit_plan(project, "touch one")

    said = run_plan(project, code=1)

    assert f"write `sh -c '{command}'`" in said
    assert not (project.path / ".peal").exists()


def test_the_way_out_of_a_command_that_takes_a_shell_works(project: Repo) -> None:
    project.write("peal.toml", """[[reviewers]]\nname = "tests"\ncommand = "sh -c 'true && false'"\n""")
    commit_plan(project, "touch one")

    assert "tests: exit status 1" in run_plan(project, code=1)
