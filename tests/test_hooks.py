"""A check that cannot check says so: the person's hooks, commands, filters and environments."""

import json
from pathlib import Path

import pytest
from conftest import Repo, commit_plan, landed, later, mended, run_plan, sample

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
        *later(("feat: {title}", ": add one", "feat: add one")),
        ("{title}", ": feat(core)!: add {id} $& \\1", "feat(core)!: add {id} $& \\1"),
        ("feat({id}): {title}", "", "feat(1): task 1"),
        *later(("Task {id}: {title}", "", "Task 1")),
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


# Hooks of the person's.


def hook(folder: Path, name: str, script: str) -> Path:
    """One of git's hooks, in whatever folder the person has them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def git_hook(project: Repo, name: str, script: str) -> Path:
    """One where git looks for it by default."""
    return hook(project.path / ".git/hooks", name, script)


def held(project: Repo, *flags: str) -> str:
    """Why the one task of a run is held; no agent was asked to mend anything."""
    said = run_plan(project, *flags, code=4)
    assert not list(project.memory().glob("attempts/*address*/prompt.md")), "an agent was asked"
    assert landed(project) == []
    return said


@pytest.mark.parametrize(
    "place",
    [".husky/_", "~/hooks", *later("%OUT%/hooks", "tools/hooks/", "../hooks")],
)
def test_hooks_are_run_from_where_the_person_s_own_git_finds_them(
    project: Repo, out: Path, place: str
) -> None:
    """Also where a worktree has no such folder, for it is ignored, and one that is the worktree's own is not taken."""
    project.env["HOME"] = str(out)
    place = place.replace("%OUT%", str(out))
    project.write(".gitignore", "*.log\n.husky/_\ntools\n")
    project.git("add", ".gitignore")
    commit_plan(project, "mkdir -p .husky/_ tools/hooks; touch bad")
    folder = out / "hooks" if place[0] == "~" else project.path / place
    hook(folder, "pre-commit", "[ ! -e bad ] || { echo no bad files; exit 1; }")
    project.git("config", "core.hooksPath", place)

    said = run_plan(project, code=1)

    assert "hook pre-commit: exit status 1" in said
    assert "no bad files" in said
    assert landed(project) == []


def test_a_hook_that_a_task_has_written_is_never_run_by_peal(project: Repo, out: Path) -> None:
    """The person's version looks, and everything of git's below it takes the person's hooks too."""
    names = (
        "pre-commit",
        "commit-msg",
        "reference-transaction",
        "post-index-change",
        "post-commit",
        "post-checkout",
    )
    for name in ("pre-commit", "post-index-change"):
        hook(
            project.path / ".githooks",
            name,
            f'echo person {name} >> "$OUT/ran"; git update-index --refresh -q',
        )
    project.git("config", "core.hooksPath", ".githooks")
    project.git("add", ".")
    script = f'for name in {" ".join(names)}; do printf "#!/bin/sh\\necho agent $name >> $OUT/ran\\n" > .githooks/$name; chmod +x .githooks/$name; done'
    commit_plan(project, script)

    run_plan(project, code=None)

    ran = (out / "ran").read_text().splitlines()
    assert "person pre-commit" in ran
    assert [line for line in ran if line.startswith("agent")] == []


def test_hooks_see_what_git_would_show_them(project: Repo, out: Path) -> None:
    commit_plan(project, 'mkdir "sub dir"; touch "sub dir/one"')
    seen = "; ".join(
        (
            'echo "$(basename "$0") ${2-}" >> "$OUT/asked"',
            '[ "$PWD" = "$(git rev-parse --show-toplevel)" ]',
            '[ "$GIT_EDITOR" = : ] && [ "$GIT_AUTHOR_EMAIL" = person@example.org ] && [ "$GIT_AUTHOR_NAME" = "A Person" ]',
            '[ "$(git diff --cached --name-only)" = "sub dir/one" ]',
            '(cd "sub dir" && [ "$(git rev-parse --show-prefix)" = "sub dir/" ])',
            "git rev-parse -q --verify MERGE_HEAD",
            "command -v git-merge-octopus",
        )
    )
    for name in ("pre-merge-commit", "pre-commit", "prepare-commit-msg", "commit-msg"):
        git_hook(project, name, f"set -e; {seen}")
    git_hook(project, "post-commit", 'echo "$0" >> "$OUT/asked"')
    for path in out.iterdir():
        path.unlink()

    run_plan(project)

    asked = (out / "asked").read_text().splitlines()
    assert asked == ["pre-merge-commit ", "pre-commit ", "prepare-commit-msg merge", "commit-msg "]
    assert project.git("rev-parse", "HEAD^2^") == project.git("rev-parse", "HEAD^1")


def test_what_hooks_make_of_message_and_index_is_committed(project: Repo) -> None:
    git_hook(project, "pre-commit", "echo made > made; git add made")
    git_hook(project, "prepare-commit-msg", 'sed -i "1s/^/[T-1] /" "$1"')
    git_hook(project, "commit-msg", 'printf "\\n\\n\\nChange-Id: I1  \\n\\n\\n" >> "$1"')
    commit_plan(project, "touch one")

    run_plan(project)

    assert project.git("log", "-1", "--format=%B") == "[T-1] Merge task 1: number 1\n\nChange-Id: I1\n\n"
    assert project.git("show", "HEAD:made") == "made\n"
    assert project.git("status", "--porcelain") == ""


def test_a_hook_without_a_first_line_is_run_as_git_would(project: Repo) -> None:
    git_hook(project, "pre-commit", "").write_text("[ ! -e one ] || exit 3\n")
    commit_plan(project, "touch one")

    assert "hook pre-commit: exit status 3, and it printed nothing" in run_plan(project, code=1)


def test_a_hook_for_merges_looks_too(project: Repo) -> None:
    git_hook(project, "pre-merge-commit", "[ ! -e one ] || { echo not this one; exit 1; }")
    commit_plan(project, mended("touch one", "rm one; touch other"), "touch two")

    run_plan(project)

    assert (
        "[hook pre-merge-commit] exit status 1"
        in (project.memory() / "attempts/001-address-1/prompt.md").read_text()
    )


CANNOT = {
    "its library is missing": '. "$(git rev-parse --show-toplevel)/.husky/_/husky.sh"',
    "it wants a branch": "git symbolic-ref --short HEAD || exit 1",
    "it takes .git for a folder": "cat .git/description",
    "it fails in silence": "exit 1",
    "its program is missing": "exec no-such-linter",
    "its program's interpreter is missing": "./lint",
    "it ends itself": "kill -9 $$",
}


@pytest.mark.parametrize(
    "script",
    sample(
        CANNOT,
        "its library is missing",
        "its program's interpreter is missing",
    ),
)
def test_a_hook_that_cannot_work_in_a_worktree_holds_the_task_and_costs_nothing(
    project: Repo, script: str
) -> None:
    project.write("lint", "#!/no/such/python\n").chmod(0o755)
    project.git("add", "lint")
    commit_plan(project, "touch one")
    path = git_hook(project, "pre-commit", f"{script}")

    said = held(project)
    path.unlink()
    project.peal("resume")

    assert "hook `pre-commit` " in said
    assert "ready worktrees for it with `worktree_setup`, mend it, or leave hooks out with --no-hooks" in said
    assert landed(project) == ["1"]
    assert len(list(project.memory().glob("attempts/001-execute-*"))) == 1


def test_a_hook_that_cannot_judge_can_be_left_out(project: Repo) -> None:
    commit_plan(project, "touch one")
    git_hook(project, "pre-commit", "exit 1")
    held(project)

    project.peal("resume", "--no-hooks")

    assert landed(project) == ["1"]


def test_a_hook_that_looks_at_the_change_alone_can_judge_though_nothing_to_commit_is_not_enough_for_it(
    project: Repo,
) -> None:
    """It wants a line in the log of changes with every commit, as the newest of the branch has one."""
    project.write("changes", "the plan\n")
    project.git("add", "changes")
    commit_plan(project, mended("touch one", "echo one >> changes"))
    git_hook(project, "pre-commit", "git diff --cached --name-only | grep -q changes")

    run_plan(project)

    assert project.read("changes") == "the plan\none\n"


def test_the_merge_that_an_agent_mends_is_the_one_that_the_hook_refused(project: Repo) -> None:
    """After the look at the branch it is there again, with what the hook has formatted."""
    commit_plan(
        project,
        mended("echo a > one", '[ "$(cat one)" = b ] && git rev-parse -q --verify MERGE_HEAD && touch ok'),
    )
    git_hook(project, "pre-commit", "[ ! -e one ] || { sed -i s/a/b/ one; [ -e ok ]; }")

    run_plan(project)

    assert project.read("one") == "b\n"
    assert (project.path / "ok").exists()


def test_a_hook_that_objects_to_the_message_is_no_finding_for_an_agent(project: Repo) -> None:
    commit_plan(project, mended("touch one", "true"))
    git_hook(project, "commit-msg", 'grep -q "^feat: " "$1" || { echo say feat first >&2; exit 1; }')

    said = held(project)
    project.peal("resume", "--merge-message", "feat: {title}")

    assert (
        "hook `commit-msg` refuses the message `Merge task 1: number 1` (exit status 1: say feat first)"
        in said
    )
    assert "set `merge_message` to one that passes" in said
    assert project.git("log", "-1", "--format=%s") == "feat: number 1\n"


def test_an_empty_message_of_a_hook_s_making_lands_nothing(project: Repo) -> None:
    commit_plan(project, "touch one")
    git_hook(project, "prepare-commit-msg", ': > "$1"')

    assert "a hook has left an empty message" in run_plan(project, code=1)


@pytest.mark.parametrize(("name", "script"), [("pre-commit", "exit 1"), ("commit-msg", "echo no; exit 1")])
def test_what_only_the_person_could_mend_is_let_through_where_they_want_findings_to_be(
    project: Repo, name: str, script: str
) -> None:
    commit_plan(project, "touch one")
    git_hook(project, name, script)

    said = run_plan(project, "--on-findings-remaining", "warn", code=2)

    assert f"hook {name}: exit status 1" in said
    assert landed(project) == ["1"]


ONLY_FEATURES = """
[ "$1" = prepared ] || exit 0
while read -r old new ref; do
  case $ref in refs/heads/feature/*|HEAD) ;; refs/heads/*) echo "$ref is no feature" >&2; exit 1;; esac
done
"""


def test_a_hook_on_branches_is_not_asked_about_peal_s_own(project: Repo) -> None:
    project.git("switch", "-qc", "feature/x")
    commit_plan(project, "(parallel) touch one", "(parallel) touch two")
    git_hook(project, "reference-transaction", ONLY_FEATURES)

    run_plan(project)

    assert landed(project) == ["1", "2"]


def test_a_hook_on_branches_is_asked_whether_the_person_s_may_move(project: Repo, out: Path) -> None:
    commit_plan(project, "touch one")
    path = git_hook(project, "reference-transaction", f'echo "$1" >> "$OUT/asked"; {ONLY_FEATURES}')

    said = held(project)
    asked = (out / "asked").read_text().split()
    path.unlink()
    project.peal("resume")

    assert (
        "hook `reference-transaction` does not let `main` move (exit status 1: refs/heads/main is no feature)"
        in said
    )
    assert asked == ["prepared", "aborted"]
    assert landed(project) == ["1"]


def test_what_will_not_look_is_told_before_the_run(project: Repo) -> None:
    commit_plan(project, "touch one")
    git_hook(project, "pre-commit", "exit 1").chmod(0o644)
    (project.path / ".git/hooks/commit-msg").symlink_to("nowhere")
    project.git("config", "hook.lint.event", "pre-commit")
    project.git("config", "hook.lint.command", "lint")

    said = run_plan(project)

    assert "hook `pre-commit` is passed over, by git too: it cannot be executed; `chmod +x '" in said
    assert "hook `commit-msg` is passed over, by git too" in said
    assert "`pre-commit` set up as `hook.NAME.command` will not look at what lands" in said


@pytest.mark.parametrize(("place", "is_told"), [(".husky/_", True), ("", False), ("/dev/null", False)])
def test_a_folder_for_hooks_that_is_not_there_is_told_unless_it_is_meant_so(
    project: Repo, place: str, is_told: bool
) -> None:
    commit_plan(project, "touch one")
    project.git("config", "core.hooksPath", place)

    said = run_plan(project)

    assert ("so none of your hooks looks at what lands" in said) == is_told
    assert landed(project) == ["1"]


def test_lefthook_is_found_where_the_person_has_it(project: Repo) -> None:
    """Its hooks pass with a word where they do not find it."""
    project.write(".gitignore", "node_modules\n")
    project.git("add", ".gitignore")
    commit_plan(project, "touch one")
    hook(project.path / "node_modules/.bin", "lefthook", "[ ! -e one ] || { echo lefthook says no; exit 1; }")
    git_hook(
        project, "pre-commit", 'command -v lefthook || { echo "cannot find lefthook"; exit 0; }; lefthook run'
    )

    assert "lefthook says no" in run_plan(project, code=1)


def test_the_person_s_monitor_of_files_is_not_started_by_peal(project: Repo, out: Path) -> None:
    hook(project.path / "tools", "monitor", 'touch "$OUT/ran"; exit 1')
    project.git("config", "core.fsmonitor", "tools/monitor")
    project.git("add", "tools")
    commit_plan(project, "touch one")
    (out / "ran").unlink(missing_ok=True)

    run_plan(project)

    assert not (out / "ran").exists()


# Programs that git runs on files.


def with_filter(
    project: Repo, attributes: str = "*.bin filter=lfs diff=lfs merge=lfs -text", **config: str
) -> None:
    """A file that has attributes, and what is configured for them."""
    project.write(".gitattributes", f"{attributes}\n")
    project.write("a.bin", "stored\n")
    project.git("add", ".")
    commit_plan(project, "touch one")
    for key, value in config.items():
        project.git("config", key.replace("__", "."), value)


LFS = {
    "filter__lfs__process": "no-such-lfs filter-process",
    "filter__lfs__clean": "no-such-lfs clean -- %f",
    "filter__lfs__required": "true",
}


@pytest.mark.parametrize(
    "command", [("run", "plan.md", "--agent", "shell"), ("run", "plan.md", "--agent", "shell", "--dry-run")]
)
def test_a_filter_that_git_cannot_do_without_is_missed_before_anything_starts(
    project: Repo, command: tuple[str, ...]
) -> None:
    with_filter(project, **LFS)

    said = project.peal(*command, code=1).stderr

    assert (
        "filter `lfs`, without which git cannot read `a.bin`, needs `no-such-lfs`, which is not here; install it"
        in said
    )
    assert not (project.path / ".peal").exists()


def test_a_filter_that_no_file_uses_may_be_missing(project: Repo) -> None:
    with_filter(project, "*.other filter=lfs", **LFS)

    assert "filter" not in run_plan(project)


@pytest.mark.parametrize(
    ("attributes", "config", "told"),
    [
        *later(("*.bin filter=po", {"filter__po__clean": "./tools/po.sh -x"}, "filter `po` needs `./tools/po.sh`, which is not here, so it is passed over for `a.bin`; install it")),
        ("*.bin filter=lfs", {}, "filter `lfs` is not set up in your git, so tasks see `a.bin` as it is stored, which may be but a pointer; run `git lfs install`"),
        ("# no\n\n*.bin text filter=crypt", {}, "filter `crypt` is not set up in your git"),
        ("*.bin merge=lock", {"merge__lock__driver": "lock-merge %O %A %B"}, "merge driver `lock` needs `lock-merge`, which is not here"),
    ],
)  # fmt: skip
def test_what_git_will_pass_over_is_told(
    project: Repo, attributes: str, config: dict[str, str], told: str
) -> None:
    with_filter(project, attributes, **config)

    assert told in run_plan(project)


@pytest.mark.parametrize(
    ("attributes", "config"),
    [
        *later(("*.bin filter=x", {"filter__x__clean": "sed -e 's/a/b/' | cat", "filter__x__smudge": "cat"})),
        ("*.bin filter=x", {"filter__x__clean": "LC_ALL=C cat", "filter__x__smudge": "cat"}),
        ("*.bin filter=x", {"filter__x__clean": "./tools/clean %f"}),
        ("*.bin merge=union diff=nothing", {"merge__other__driver": "no-such", "merge__other__name": "x"}),
        *later(
            ("# *.bin filter=none", {}),
            ("*.bin filter=x", {"filter__x__clean": "f() { cat; }; f", "filter__x__required": "false"}),
            ("*.bin filter=x", {"filter__x__clean": "", "filter__x__smudge": ""}),
        ),
    ],
)
def test_filters_that_work_or_do_nothing_are_not_mentioned(
    project: Repo, attributes: str, config: dict[str, str]
) -> None:
    project.write("tools/clean", "#!/bin/sh\ncat\n").chmod(0o755)
    with_filter(project, attributes, **config)

    said = run_plan(project)

    assert "filter" not in said
    assert "driver" not in said


# Environments that lead back.

BACK = "of this tree installed as editable, so what runs in it may test your tree"
URL = "thing-1.0.dist-info/direct_url.json"


def editable(folder: Path, **more: object) -> str:
    """What pip writes beside an editable install."""
    return json.dumps({"url": folder.as_uri(), **(more or {"dir_info": {"editable": True}})})


def with_environment(project: Repo, place: Path, name: str, text: str) -> None:
    """A plan of one task, and a virtual environment as far as its files tell: this one among its packages."""
    project.write(".gitignore", ".venv\nnode_modules\n")
    project.write("src/thing.py", "")
    project.git("add", ".gitignore", "src")
    commit_plan(project, "touch one")
    hook(place / "bin", "python", "exit 0")
    (place / "pyvenv.cfg").write_text("home = /usr/bin\n")
    path = place / "lib/python3.11/site-packages" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)


def reviewed_by(project: Repo, command: str) -> None:
    """One reviewer, in settings that git ignores."""
    project.write(
        "peal.toml", f'[[reviewers]]\nname = "tests"\ncommand = {json.dumps(command, ensure_ascii=False)}\n'
    )


@pytest.mark.parametrize(
    ("name", "text"), [(URL, ""), ("thing.pth", "import x\n\n{}\n"), *later(("thing.egg-link", "{}\n../"))]
)
def test_an_environment_that_loads_the_person_s_code_is_told_once(
    project: Repo, name: str, text: str
) -> None:
    src = project.path / "src"
    with_environment(project, project.path / ".venv", name, text.format(src) or editable(src))
    reviewed_by(project, ".venv/bin/python tests")

    first, second = run_plan(project), project.peal("redo", "1").stdout + run_plan(project)

    assert f"environment `.venv` has `src` {BACK}" in first
    assert BACK not in second


@pytest.mark.parametrize(
    "command", ["sh -c 'cd . && {0}/bin/python x'", "{0}/bin/python x", "env A=1 {0}/bin/python", "python"]
)
def test_the_environment_is_found_in_a_command(project: Repo, out: Path, command: str) -> None:
    with_environment(project, out / "env", URL, editable(project.path))
    path = f"{out / 'env/bin'}:{project.env['PATH']}"
    reviewed_by(project, command.format(out / "env"))

    said = project.peal("run", "plan.md", "--agent", "shell", PATH=path).stdout

    assert f"environment `{out / 'env'}` has `.` {BACK}" in said


def test_the_environment_that_is_active_is_looked_at_too(project: Repo, out: Path) -> None:
    with_environment(project, out / "env", URL, editable(project.path / "src"))
    project.env["VIRTUAL_ENV"] = str(out / "env")

    assert f"environment `{out / 'env'}` has `src` {BACK}" in run_plan(project)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (URL, json.dumps({"url": "https://example.org/x", "dir_info": {"editable": True}})),
        (URL, editable(Path("/elsewhere"))),
        (URL, "no json"),
        (URL, "[]"),
        ("thing.pth", "import {0}\n../../other\n/elsewhere\n"),
    ],
)
def test_an_environment_that_loads_other_code_is_not_mentioned(project: Repo, name: str, text: str) -> None:
    with_environment(project, project.path / ".venv", name, text)
    reviewed_by(project, ".venv/bin/python tests")

    assert BACK not in run_plan(project)


def test_worktrees_that_are_set_up_have_an_environment_of_their_own(project: Repo) -> None:
    with_environment(project, project.path / ".venv", URL, editable(project.path))
    reviewed_by(project, ".venv/bin/python tests")

    assert BACK not in run_plan(project, "--worktree-setup", "true")


def test_packages_that_node_finds_in_the_person_s_tree_are_told(project: Repo) -> None:
    project.write(".gitignore", "node_modules\n")
    project.write("packages/a/index.js", "")
    project.write("node_modules/.bin/x", "")
    project.write("node_modules/@org/b", "")
    (project.path / "node_modules/@org/a").symlink_to("../../packages/a")
    (project.path / "node_modules/c").symlink_to(".bin")
    project.git("add", ".gitignore", "packages")
    commit_plan(project, "touch one")

    said = run_plan(project)

    assert "`node_modules` links to `packages/a` of this tree, and node finds it from worktrees too" in said
