"""What an agent left is data: peal's own git runs none of it, follows none of it, and obeys none of it unseen."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import (
    WAIT,
    Repo,
    branches,
    commit_plan,
    ended,
    eventually,
    landed,
    later,
    mended,
    run_plan,
    sample,
    start_plan,
)

EVIL = """printf '#!/bin/sh\\ntouch "$OUT/pwned"\\ncat\\n' > {0}; chmod +x {0}"""
"""Makes a program in the worktree that leaves a trace when it is run."""
IDENTITY = "git -c user.name=a -c user.email=b"


def not_run(out: Path) -> bool:
    """Whether the agent's program has left no trace."""
    return not (out / "pwned").exists()


# Programs that peal's own git would run.

PLANTED = {
    "a git folder of its own": f"""rm .git; git init -q fake; mv fake/.git inner; rmdir fake; {EVIL.format("evil")}
        git --git-dir=inner config core.fsmonitor "$PWD/evil"; git --git-dir=inner config filter.x.clean "$PWD/evil"
        echo '* filter=x' > .gitattributes; echo "gitdir: $PWD/inner" > .git; echo "$PWD/.git" > inner/gitdir""",
    "its own folder's settings": f"""{EVIL.format("evil")}
        git config core.fsmonitor "$PWD/evil"; git config filter.x.clean "$PWD/evil"; git config filter.x.required true
        git config core.hooksPath "$PWD"; git config diff.external "$PWD/evil"; git config core.pager "$PWD/evil"
        for hook in post-index-change reference-transaction post-checkout post-commit; do cp evil $hook; done
        echo '* filter=x diff=x merge=x' > .gitattributes; git config merge.x.driver "$PWD/evil"
        git config diff.x.textconv "$PWD/evil"; git config diff.x.command "$PWD/evil"; git config gpg.program "$PWD/evil\"""",
    "a repository inside": f"""git init -q sub; (cd sub; {EVIL.format("evil")}; {IDENTITY} commit -q --allow-empty -m x
        git config core.fsmonitor "$PWD/evil"; cp evil .git/hooks/post-index-change); git add sub""",
    "a submodule": f"""git init -q sub; (cd sub; {EVIL.format("evil")}; {IDENTITY} commit -q --allow-empty -m x
        git config core.fsmonitor "$PWD/evil"; git config filter.x.clean "$PWD/evil"; cp evil .git/hooks/post-index-change
        echo '* filter=x' > .git/info/attributes); printf '[submodule "sub"]\\n\\tpath = sub\\n\\turl = ./sub\\n' > .gitmodules
        git add sub .gitmodules""",
    "a bare repository inside": f"""git init -q --bare sub; (cd sub; {EVIL.format("hooks/post-index-change")}
        git config core.fsmonitor "$PWD/hooks/post-index-change")""",
    "the worktree's own git folder": f"""{EVIL.format("evil")}; own=$(dirname "$PWD")/1.git
        printf '[core]\\n\\tfsmonitor = %s/evil\\n' "$PWD" >> $own/config; cp evil $own/hooks 2>/dev/null || true""",
}


ENDED = {
    f"{planted}-{how}": (script, ending)
    for planted, script in PLANTED.items()
    for how, ending in (("passes", ""), ("fails", "; exit 1"))
}


@pytest.mark.parametrize(
    ("script", "ending"),
    sample(
        ENDED,
        *(f"{name}-passes" for name in PLANTED if "repository inside" not in name),
    ),
)
def test_peal_s_git_runs_nothing_that_an_agent_has_planted(
    project: Repo, out: Path, script: str, ending: str
) -> None:
    project.write(".git/info/exclude", "peal.toml\n")
    project.write("peal.toml", '[[reviewers]]\nname = "true"\ncommand = "true"\n')
    commit_plan(
        project,
        f"echo 1 > one; {script}{ending}",
        "(parallel) echo 2 > same",
        f"(parallel) {mended('echo 3 > same', 'git add -A; echo 3 > same')}",
    )

    run_plan(project, "--continue-with-remaining-tasks", code=None)
    project.peal("diff", "1", code=None)
    project.peal("resume", code=None)
    project.peal("clean", code=None)

    assert not_run(out)
    assert {"2", "3"} <= set(landed(project))


def test_a_real_submodule_s_settings_are_not_believed_either(
    project: Repo, out: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    for words in (
        ["init", "-q", "-b", "main", str(library)],
        [
            "-C",
            str(library),
            "-c",
            "user.name=a",
            "-c",
            "user.email=b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
    ):
        project.git(*words)
    project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    project.git("commit", "-qm", "lib")
    plant = f"""cd lib; {EVIL.format('"$OUT/evil"')}; git config core.fsmonitor "$OUT/evil"; git config core.hooksPath "$OUT"
        cp "$OUT/evil" "$OUT/post-index-change"; git config filter.x.clean "$OUT/evil"; echo '* filter=x' > .gitattributes; echo x > x"""
    commit_plan(project, f"{plant}; cd ..; echo 1 > one", "echo 2 > two")

    run_plan(project)

    assert not_run(out)
    assert landed(project) == ["1", "2"]


@pytest.mark.parametrize("where", [".husky", ".husky/_"])
def test_hooks_that_are_files_of_the_tree_run_as_the_person_has_them(
    project: Repo, out: Path, where: str
) -> None:
    project.write(f"{where}/pre-commit", '#!/bin/sh\ntouch "$OUT/looked"\n')
    (project.path / where / "pre-commit").chmod(0o755)
    project.git("add", ".")
    project.git("config", "core.hooksPath", where)
    hooks = " ".join(
        f"{where}/{name}"
        for name in (
            "pre-commit",
            "post-index-change",
            "reference-transaction",
            "post-checkout",
            "commit-msg",
        )
    )
    commit_plan(
        project,
        f"mkdir -p {where}; {EVIL.format('evil')}; for hook in {hooks}; do cp evil $hook; done; rm evil; echo 1 > one",
    )

    said = run_plan(project, code=4)

    assert not_run(out)
    assert (out / "looked").exists()
    assert "--accept-settings 1" in said


@pytest.mark.parametrize(
    ("key", "attributes"),
    [("filter.x.clean", "* filter=x"), ("filter.x.smudge", "* filter=x"), ("merge.x.driver", "* merge=x")],
)
def test_drivers_that_are_files_of_the_tree_run_as_the_person_has_them(
    project: Repo, out: Path, key: str, attributes: str
) -> None:
    project.write("tools/driver.sh", "#!/bin/sh\ncat\n")
    (project.path / "tools/driver.sh").chmod(0o755)
    project.write(".gitattributes", f"{attributes}\n")
    project.git("add", ".")
    project.git("config", key, "tools/driver.sh")
    commit_plan(
        project,
        f"{EVIL.format('tools/driver.sh')}; echo 1 > one",
        "(parallel) echo 2 > same",
        f"(parallel) {mended('echo 3 > same', 'echo 3 > same; git add -A')}",
    )

    said = run_plan(project, "--continue-with-remaining-tasks", code=4)

    assert not_run(out)
    assert "it changes `tools/driver.sh`" in said


# What the next run would execute.


def with_program(project: Repo) -> None:
    """Settings that name a program of the repository."""
    project.write("ci/check.sh", "#!/bin/sh\ntrue\n")
    (project.path / "ci/check.sh").chmod(0o755)
    project.write("ci/lib.py", "")
    project.write(
        "peal.toml",
        'post_run_commands = ["sh -c \'cd . && python3 ci/lib.py\'"]\n[[reviewers]]\nname = "check"\ncommand = "ci/check.sh --quiet"\n',
    )
    project.git("add", ".")


@pytest.mark.parametrize(
    "change",
    [
        "echo 'max_parallel = 2' >> peal.toml",
        *later("echo '# x' >> ci/check.sh"),
        "echo x >> ci/lib.py",
        *later("rm ci/check.sh"),
        "git mv ci/check.sh ci/other.sh",
    ],
)
def test_a_change_of_what_peal_would_run_waits_until_it_is_accepted(project: Repo, change: str) -> None:
    with_program(project)
    commit_plan(project, "(parallel) echo 1 > one", f"(parallel) {change}")

    said = run_plan(project, code=4)

    assert "`peal diff 2`" in said
    assert "let it land with `peal resume --accept-settings 2`" in said
    assert landed(project) == ["1"]
    assert project.peal("diff", "2").stdout
    again = project.peal("resume", code=4)
    assert "--accept-settings 2" in again.stdout
    project.peal("resume", "--accept-settings", "1", code=4)
    project.peal("resume", "--accept-settings", "2", code=None)
    assert landed(project) == ["1", "2"]


def test_a_peal_toml_that_a_task_brings_where_there_was_none_waits_too(project: Repo) -> None:
    commit_plan(project, "echo 'post_run_commands = [\"touch pwned\"]' > peal.toml")

    run_plan(project, code=4)

    assert not (project.path / "peal.toml").exists()
    project.peal("resume", "--accept-settings", "1")
    assert (project.path / "peal.toml").exists()


def test_acceptance_is_for_one_run_and_not_remembered(project: Repo) -> None:
    commit_plan(project, "echo 'max_parallel = 2' > peal.toml", "echo 'max_parallel = 3' > peal.toml")
    run_plan(project, code=4)

    project.peal("resume", "--accept-settings", "1", code=4)

    assert "--accept-settings 2" in project.peal("resume", code=4).stdout


def test_other_files_land_as_ever(project: Repo) -> None:
    with_program(project)
    commit_plan(project, "echo 1 > ci/other; echo 1 > ci/check.txt; mkdir -p sub; echo > sub/peal.toml")

    run_plan(project)

    assert landed(project) == ["1"]


# Links, fifos and devices in place of files.


def test_a_fifo_at_a_path_in_conflict_is_not_waited_for(project: Repo) -> None:
    commit_plan(
        project, "(parallel) echo 1 > same", f"(parallel) {mended('echo 2 > same', 'rm same; mkfifo same')}"
    )

    said = run_plan(project, "--conflict-retry", "0", code=1)

    assert "conflict in `same`" in said
    assert landed(project) == ["1"]


def test_peal_can_be_stopped_while_an_agent_has_a_fifo_there(project: Repo, out: Path) -> None:
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', f'rm same; mkfifo same; {WAIT}')}",
    )
    process = start_plan(project)
    eventually((out / "begun-2").exists)
    process.send_signal(signal.SIGTERM)

    ended(process, 143)


@pytest.mark.parametrize(
    "name",
    [*later("reply.md", "outcome.json"), "changes.patch", *later("findings.json"), "stdout", "hooks.stdout"],
)
def test_no_file_outside_is_written_through_a_link_in_an_attempt_s_folder(
    project: Repo, out: Path, name: str
) -> None:
    (out / "victim").write_text("mine\n")
    folder = (
        "$(dirname $PEAL_WORKSPACE)/../plan-*/attempts/$(printf %03d $PEAL_TASK)-$PEAL_PHASE-$PEAL_ATTEMPT"
    )
    plant = (
        f'cd {folder}; rm -f {name}; ln -s "$OUT/victim" {name}; cd "$PEAL_WORKSPACE"; echo 1 > one; exit 1'
    )
    commit_plan(project, plant)

    run_plan(project, code=1)

    assert (out / "victim").read_text() == "mine\n"


@pytest.mark.parametrize(
    "thing",
    [
        "mkfifo one",
        "ln -s /dev/zero one",
        *later("mkdir one; mkfifo one/x", "ln -s one one"),
        "ln -s / one",
    ],
)
def test_odd_files_in_a_worktree_stop_nobody(project: Repo, thing: str) -> None:
    commit_plan(project, f"{thing}; echo 2 > two", "[ -e two ]; echo 3 > three")

    run_plan(project)

    assert landed(project) == ["1", "2"]
    assert branches(project) == []


def test_no_git_of_peal_s_is_left_behind(project: Repo) -> None:
    """A look at what is really run: every git call in a worktree names its folder and its tree."""
    project.write(
        "../bin/git",
        '#!/bin/sh\ncase "$PWD $*" in *".peal/worktrees/"*) [ -n "$PEAL_GIT_OF" ] && [ -z "$GIT_DIR" ] && echo "$*" >> "$OUT/unsteered";; esac\nexec /usr/bin/env -i "$@"\n',
    )
    real = subprocess.run(
        ["sh", "-c", "command -v git"], capture_output=True, text=True, check=True
    ).stdout.strip()
    script = (
        (project.path.parent / "bin/git")
        .read_text()
        .replace('exec /usr/bin/env -i "$@"', f'exec {real} "$@"')
    )
    (project.path.parent / "bin/git").write_text(script)
    (project.path.parent / "bin/git").chmod(0o755)
    out = project.path.parent / "out"
    out.mkdir()
    project.env |= {"OUT": str(out), "PATH": f"{project.path.parent}/bin:{project.env['PATH']}"}
    project.write(".git/info/exclude", "peal.toml\n")
    project.write("peal.toml", f'[[reviewers]]\nname = "no"\ncommand = {json.dumps("test -e mended")}\n')
    commit_plan(
        project,
        "(parallel) echo 1 > same",
        f"(parallel) {mended('echo 2 > same', 'echo 3 > same; touch mended; git add -A')}",
    )

    run_plan(project, code=None)

    listed = (out / "unsteered").read_text().splitlines() if (out / "unsteered").exists() else []
    assert [line for line in listed if "worktree add" not in line] == []
