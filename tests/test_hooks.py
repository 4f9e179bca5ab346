"""A check that cannot check says so: the person's hooks, commands, filters and environments."""

import json

import pytest
from conftest import Repo, commit_plan, landed, run_plan

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


# What commits say, and where peal's branches lie.


def conventional(project: Repo, title: str, settings: str) -> None:
    """A plan of one task, committed."""
    project.write("plan.md", f"## Task 1{title}\n\n```sh\ntouch one\n```\n")
    project.git("add", "plan.md")
    project.git("commit", "-qm", "the plan")
    project.write("peal.toml", settings)


@pytest.mark.parametrize(
    ("template", "title", "subject"),
    [
        ("feat: {title}", ": add one", "feat: add one"),
        ("{title}", ": feat(core)!: add {id} $& \\1", "feat(core)!: add {id} $& \\1"),
        ("feat({id}): {title}", "", "feat(1): task 1"),
        ("Task {id}: {title}", "", "Task 1"),
        ("  chore: {plan} on {branch} {\n\n", ": x", "chore: plan.md on main {"),
    ],
)
def test_the_message_of_a_task_s_commit_can_be_set(
    project: Repo, template: str, title: str, subject: str
) -> None:
    conventional(project, title, f"commit_message = '''{template}'''")

    run_plan(project)

    own = project.git("log", "-1", "--format=%B", "HEAD^2")
    assert own.startswith(f"{subject}\n\nPeal-Plan: plan.md\nPeal-Task: 1\nPeal-Run: ")
    assert landed(project) == ["1"]


def test_trailers_of_a_message_s_own_stay_with_those_of_peal(project: Repo) -> None:
    own = "feat: {title}\\n\\nA body.\\n\\nSigned-off-by: A Person <person@example.org>"
    conventional(project, ": add one", f'commit_message = "{own}"')

    run_plan(project)

    trailers = project.git("log", "-1", "--format=%(trailers:keyonly)", "HEAD^2").split()
    assert trailers == ["Signed-off-by", "Peal-Plan", "Peal-Task", "Peal-Run"]


def test_the_message_of_a_merge_can_be_set(project: Repo) -> None:
    conventional(project, ": add one", 'merge_message = "Merge task {id} into {branch}\\n\\n{title}"')

    run_plan(project)

    assert project.git("log", "-1", "--format=%B", "HEAD") == "Merge task 1 into main\n\nadd one\n\n"


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ('commit_message = "feat: {titel}"', "has no field `{titel}`; did you mean `{title}`?"),
        ('merge_message = "{x}"', "has no field `{x}`; there are {title} {id} {plan} {branch}"),
        ('commit_message = " "', "is empty"),
        *(
            (f"branch_prefix = {json.dumps(name)}", "which git takes for no branch's name")
            for name in ("", "/x", "x/", "a//b", "a b", ".x", "a/.x", "x.lock", "x.lock/y", "a..b", "-x", "a~1", "x.", "@")
        ),
    ],
)  # fmt: skip
def test_a_template_or_prefix_that_cannot_be_is_refused(project: Repo, setting: str, problem: str) -> None:
    conventional(project, "", setting)

    assert problem in run_plan(project, code=1)


def kept_branches(project: Repo) -> list[str]:
    """Every branch but the person's."""
    return project.git("branch", "--format=%(refname:short)", "--list", "*/*").split()


def test_peal_s_branches_can_lie_below_another_name_and_are_cleaned_up_there(project: Repo) -> None:
    project.git("branch", "peal")
    conventional(project, "", 'branch_prefix = "feature/peal"')
    project.write("one", "mine\n")
    run_plan(project, code=4)
    (name,) = kept_branches(project)
    (project.path / "one").unlink()
    project.git("merge", "-q", name)

    said = project.peal("clean", "--branches", PEAL_BRANCH_PREFIX="other").stdout

    assert name.startswith("feature/peal/plan-")
    assert f"deleted branch `{name}`" in said
    assert kept_branches(project) == []


def test_a_branch_in_the_way_of_the_prefix_is_named(project: Repo) -> None:
    project.git("branch", "feature")
    conventional(project, "", 'branch_prefix = "feature/peal"')

    said = run_plan(project, code=1)

    assert "a branch is named `feature`" in said
    assert "set another `branch_prefix`" in said


def test_a_prefix_that_is_set_while_a_task_is_held_takes_it_along(project: Repo) -> None:
    conventional(project, "", "")
    project.write("one", "mine\n")
    run_plan(project, code=4)
    (project.path / "one").unlink()

    project.peal("resume", "--branch-prefix", "feature/x")

    assert landed(project) == ["1"]
    (left,) = kept_branches(project)
    assert f"deleted branch `{left}`" in project.peal("clean", "--branches").stdout
