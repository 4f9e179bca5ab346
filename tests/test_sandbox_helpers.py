"""What peal starts besides agents works in a sandbox as it does without."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from conftest import Repo, commit_plan, landed, later, mended, run_plan, sample
from sandboxes import needs_bubblewrap

from peal.sandbox.variables import let_in


@pytest.mark.parametrize(
    ("setting", "value", "is_let_in"),
    [
        ("protocol.file.allow", "always", True),
        ("http.https://example.org/.proxy", "http://proxy", True),
        ("http.https://example.org/.extraHeader", "Authorization: x", False),
        ("credential.helper", "store", False),
        ("url.https://x:key@example.org/.insteadOf", "https://example.org/", False),
        ("url.https://key@example.org/.insteadOf", "https://example.org/", False),
        ("url.ssh://git@example.org/.insteadOf", "https://example.org/", True),
    ],
)
def test_settings_for_git_come_in_as_variables_unless_they_let_in_whoever_has_them(
    setting: str, value: str, is_let_in: bool
) -> None:
    """git refuses to work where one of them is missing."""
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": setting, "GIT_CONFIG_VALUE_0": value}

    found = let_in(given, (), ())

    assert found.keys() == given.keys()
    assert (found == given) == is_let_in
    assert is_let_in or (setting not in str(found) and value not in found.values())
    assert let_in(given, (), ("GIT_CONFIG_KEY_*",))["GIT_CONFIG_KEY_0"] == setting


def commits_of(project: Repo) -> list[str]:
    """The subjects of the branch, those of the tasks left out."""
    return project.git("log", "--first-parent", "--format=%s").splitlines()


# Hooks have a git folder of their own, with a sandbox and without.


SANDBOXES = (
    pytest.param("none", id="none"),
    pytest.param("bubblewrap", id="bubblewrap", marks=needs_bubblewrap),
)
FORMATS = (
    'echo run >> "$OUT/ran"; for f in $(git diff --cached --name-only --diff-filter=ACM); do '
    'case $f in *.txt) tr a-z A-Z < "$f" > tmp; cat tmp > "$f"; rm tmp; git add "$f";; esac; done; git rm -q --cached -f --ignore-unmatch junk'
)


@pytest.fixture(params=SANDBOXES)
def kind(request: pytest.FixtureRequest, project: Repo, out: Path) -> str:
    """The sandbox that runs of the project are in; they may write in `$OUT`."""
    project.env |= {"PEAL_SANDBOX": request.param, "PEAL_SANDBOX_WRITABLE": shlex.quote(str(out))}
    return str(request.param)


def hook(project: Repo, name: str, script: str) -> None:
    """One of git's."""
    project.write(f".git/hooks/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)


def kept_of_git(project: Repo) -> dict[str, bytes]:
    """What a person has in their git folder beside objects, logs and peal's worktrees."""
    folder = project.path / ".git"
    names = ("config", "HEAD", "packed-refs", "hooks/pre-commit", "refs/stash", "refs/notes/x")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def test_a_formatter_that_stages_what_it_has_written_is_part_of_the_merge(
    project: Repo, out: Path, kind: str
) -> None:
    commit_plan(project, "echo hello > one.txt; echo x > junk; chmod +x one.txt", "cat one.txt > two.txt")
    hook(project, "pre-commit", FORMATS)
    hook(project, "commit-msg", 'printf "\\nReviewed: yes\\n" >> "$1"')

    run_plan(project)

    assert project.git("ls-tree", "-r", "HEAD", "--format=%(objectmode) %(path)").split("\n")[1:] == [
        "100755 one.txt",
        "100644 plan.md",
        "100644 two.txt",
        "",
    ]
    assert project.git("show", "HEAD:one.txt", "HEAD:two.txt") == "HELLO\nHELLO\n"
    assert project.git("log", "-1", "--format=%b").strip() == "Reviewed: yes"
    assert project.git("fsck", "--strict") == ""
    assert (out / "ran").read_text() == "run\nrun\n"


def test_a_formatter_that_only_refuses_is_asked_once_more(project: Repo, out: Path, kind: str) -> None:
    commit_plan(project, "echo a > one")
    hook(project, "pre-commit", 'echo run >> "$OUT/ran"; grep -q a one || exit 0; sed -i s/a/b/ one; exit 1')
    hook(project, "prepare-commit-msg", 'sed -i "1s/^/[x] /" "$1"')

    run_plan(project)

    assert project.git("show", "HEAD:one") == "b\n"
    assert commits_of(project)[0] == "[x] Merge task 1: number 1"
    assert (out / "ran").read_text() == "run\nrun\n"


def test_what_a_hook_does_to_its_git_does_not_reach_the_person_s(project: Repo, out: Path, kind: str) -> None:
    """As tools do that stash what is not staged, or set themselves up."""
    script = "git config x.y z; git stash create > made; git stash store $(cat made); git notes --ref x add -m n HEAD"
    commit_plan(project, "echo 1 > one")
    hook(project, "pre-commit", f"set -e; {script}; git branch other; git add -N made; rm made")
    before = kept_of_git(project)

    run_plan(project)

    assert kept_of_git(project) == before
    assert project.git("for-each-ref", "--format=%(refname)") == "refs/heads/main\n"
    assert landed(project) == ["1"]


ON_INDEX = """
import hashlib, os, sys
path = os.environ["GIT_INDEX_FILE"]
whole = open(path, "rb").read()[:-20]
whole = whole.replace(sys.argv[1].encode(), sys.argv[2].encode())
open(path, "wb").write(whole + hashlib.sha1(whole).digest())
"""
FORGED = """
import hashlib, os, zlib
def name(text): return hashlib.sha1(b"blob %d\\0" % len(text) + text).hexdigest()
def put(id, text):
    folder = f"{os.environ['GIT_DIR']}/objects/{id[:2]}"
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/{id[2:]}", "wb").write(zlib.compress(b"blob %d\\0" % len(text) + text))
put(name(b"good"), b"evil")
print(f"100644 {name(b'good')}\\tone")
"""
STAGED = 'echo new > one; git add one; id=$(git rev-parse :one); in="$GIT_DIR/objects"'
CLASH = (
    'id=$(git rev-parse :one); git rm -q --cached one; printf "100644 $id 1\\tone\\n100644 $id 2\\tone\\n"'
)
MISDEEDS = {
    "a path below .git": (
        'git update-index --add --cacheinfo "100644,$(git rev-parse :one),-git/config"; "$PYTHON" "$OUT/on_index.py" -git/config .git/config',
        "does not take what a hook has staged",
    ),
    "a path that leads out": (
        'git update-index --add --cacheinfo "100644,$(git rev-parse :one),-./evil"; "$PYTHON" "$OUT/on_index.py" -./evil ../evil',
        "does not take what a hook has staged",
    ),
    "an object under another's name": (
        '"$PYTHON" "$OUT/forged.py" | git update-index --index-info',
        "is damaged",
    ),
    "a folder for a file": ("git update-index --cacheinfo 100644,$(git write-tree),one", "is damaged"),
    "an object that is not there": (
        f'{STAGED}; rm -f "$in/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)"',
        "pack-objects",
    ),
    "a conflict": (f"{CLASH} | git update-index --index-info", "in conflict"),
    "a fifo for an index": ('rm "$GIT_INDEX_FILE"; mkfifo "$GIT_INDEX_FILE"', "is no file"),
    "no index": ('rm "$GIT_INDEX_FILE"', "is no file"),
    "a fifo for an object": (
        f'{STAGED}; f="$in/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)"; rm -f "$f"; mkfifo "$f"',
        "no git has put there",
    ),
    "objects from elsewhere": (
        f'{STAGED}; mkfifo "$TMPDIR/f"; ln -sf "$TMPDIR/f" "$in/info/alternates"',
        "no git has put there",
    ),
    "a link for a message": (
        'rm "$GIT_DIR/COMMIT_EDITMSG"; ln -s "$PWD/README.md" "$GIT_DIR/COMMIT_EDITMSG"',
        "empty message",
    ),
    "a commit of its own": (
        "git -c core.hooksPath=/dev/null commit -qm mine",
        "something else of the merge",
    ),
}


@pytest.mark.parametrize(
    ("script", "told"),
    sample(MISDEEDS, "a path below .git", "an object under another's name", "a fifo for an object"),
)
def test_what_a_hook_leaves_is_not_believed(
    project: Repo, out: Path, kind: str, script: str, told: str
) -> None:
    (out / "on_index.py").write_text(ON_INDEX)
    (out / "forged.py").write_text(FORGED)
    project.env["PYTHON"] = os.path.realpath(sys.executable)  # not one in a folder for temporary files
    commit_plan(project, "echo 1 > one; echo 2 > two")
    hook(project, "pre-commit", script)

    said = run_plan(project, code=1)

    assert told in said
    assert landed(project) == []
    assert "x.y" not in project.git("config", "--list")


def test_an_index_that_an_agent_has_made_a_fifo_of_holds_nobody_up(project: Repo, kind: str) -> None:
    commit_plan(project, 'i="$(git rev-parse --git-dir)/index"; rm "$i"; mkfifo "$i"; touch one')

    run_plan(project)

    assert landed(project) == ["1"]


def test_a_merge_whose_objects_an_agent_has_made_a_fifo_of_is_not_taken_for_mended(
    project: Repo, kind: str
) -> None:
    """It is asked for in the agent's own objects whether a commit there contains the task's."""
    spoil = 'git merge --abort; git commit -q --allow-empty -m x; cd "$(git rev-parse --git-dir)/objects/info"; rm alternates; mkfifo alternates'
    commit_plan(project, "(parallel) echo 1 > one", mended("(parallel) echo 2 > one", spoil))

    run_plan(project, "--conflict-retry", "0", code=None)

    assert len(landed(project)) == 1


# What programs write for peal is taken from where they may write, as plain files.


def reviewed_by(project: Repo, script: str) -> None:
    """A reviewer whose report is asked for in a file; its settings are no part of the repository."""
    project.write(".git/info/exclude", "peal.toml\n")
    command = shlex.join(["sh", "-c", script, "sh"]) + " {output}"
    with (project.path / "peal.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[[reviewers]]\nname = "one"\nformat = "json"\ncommand = {json.dumps(command, ensure_ascii=False)}\n'
        )


def test_a_report_is_read_from_where_a_reviewer_was_told_to_write_it(project: Repo, kind: str) -> None:
    reviewed_by(
        project,
        """[ -e two ] || echo '[{"message": "two is missing"}]' > "$1"; [ -s "$1" ] || echo [] > "$1" """,
    )
    commit_plan(project, mended("touch one", "touch two"))

    run_plan(project)

    assert landed(project) == ["1"]
    first = project.memory() / "attempts/001-address-1"
    assert "two is missing" in (first / "review-one.report").read_text()
    assert "two is missing" in (first / "prompt.md").read_text()


@pytest.mark.parametrize("script", ['ln -s "$OUT/report" "$1"', 'mkfifo "$1"', *later("mkdir $1")])
def test_a_report_that_is_no_file_is_none(project: Repo, out: Path, kind: str, script: str) -> None:
    (out / "report").write_text("[]")
    reviewed_by(project, script)
    commit_plan(project, "touch one")

    said = run_plan(project, code=1)

    assert "reviewer `one` could not look" in said
    assert landed(project) == []


# stet, with a stand-in.


@pytest.fixture
def stet(project: Repo, tmp_path: Path) -> Path:
    """Where the stand-in keeps its log; it is what `stet_path` names."""
    home = tmp_path / "out" / "stet"
    home.mkdir(parents=True, exist_ok=True)
    fake = Path(__file__).parent / "fakes" / "stet.py"
    shutil.copyfile(fake, home / "stet.py")
    program = home / "stet"
    words = shlex.join([os.path.realpath(sys.executable), "-I", "-S", str(home / "stet.py")])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    project.env |= {"FAKE_STET": str(home), "PEAL_STET_PATH": str(program)}
    return home


def test_stet_has_sessions_notes_and_worktrees_and_the_person_s_git_stays_as_it_is(
    project: Repo, kind: str, stet: Path
) -> None:
    commit_plan(project, mended("echo 'FLAW one' > one", "echo good > one"), "echo two > two")
    before = kept_of_git(project)

    run_plan(project)

    calls = [line.split()[0] for line in (stet / "log").read_text().splitlines()]
    assert calls == ["start", "rerun", "finish", "start", "finish"]
    assert landed(project) == ["1", "2"]
    assert kept_of_git(project) == before
    assert "stet-" not in project.git("worktree", "list")
    assert not (project.path / ".peal/worktrees/stet/.review/session.json").exists()
    assert len(project.git("notes", "--ref=stet", "list").splitlines()) == 2
    assert project.git("fsck", "--strict") == ""


@pytest.mark.parametrize("name", [".review", *later(".review/config.toml")])
def test_a_link_in_the_place_of_stet_s_folder_leads_nowhere(
    project: Repo, out: Path, kind: str, stet: Path, name: str
) -> None:
    """A task may commit one: what lies behind it is neither written nor removed."""
    (out / "theirs/worktrees").mkdir(parents=True)
    for victim in ("session.json", "config.toml", "worktrees/work"):
        (out / "theirs" / victim).write_text("mine")
    target = out / "theirs" / name.removeprefix(".review").removeprefix("/")
    project.write(".git/info/exclude", "/.review/config.toml\n")
    project.write(".review/config.toml", "theirs")
    commit_plan(
        project,
        f"rm -rf .review; mkdir -p {Path(name).parent}; ln -s '{target}' {name}; git add -f {name}",
        "touch two",
    )

    run_plan(project, code=None)

    kept = {path.name: path.read_text() for path in (out / "theirs").rglob("*") if path.is_file()}
    assert kept == {"session.json": "mine", "config.toml": "mine", "work": "mine"}


# What readies worktrees.


@needs_bubblewrap
def test_what_package_managers_fetch_is_kept_for_the_next_worktree_until_it_is_cleaned_away(
    project: Repo, out: Path
) -> None:
    """As with Go's, what is fetched may be read-only; the person's own caches are not written in."""
    home = out / "home"
    (home / ".cache").mkdir(parents=True)
    project.env |= {"HOME": str(home), "PEAL_SANDBOX": "bubblewrap", "PEAL_SANDBOX_WRITABLE": ""}
    fetch = (
        'echo x > "$HOME/.cache/mine"; mkdir -p "$npm_config_cache/x" "$XDG_CACHE_HOME/uv"; '
        '[ -e "$npm_config_cache/x/y" ] || echo fetched > "$npm_config_cache/x/y"; '
        'chmod a-w "$npm_config_cache/x"; ln "$npm_config_cache/x/y" y || cp "$npm_config_cache/x/y" y'
    )
    project.write(".gitignore", "y\n")
    project.git("add", ".gitignore")
    project.env["PEAL_WORKTREE_SETUP"] = shlex.join(["sh", "-c", fetch])
    both = 'cp y "in-$PEAL_TASK"'
    commit_plan(project, f"(parallel) {both}", f"(parallel) {both}")

    run_plan(project)
    cache = project.path / ".peal/cache"
    fetched = (cache / "npm/x/y").read_text()
    would = project.peal("clean", "--dry-run").stdout
    is_kept = cache.is_dir()
    said = project.peal("clean").stdout

    assert fetched == "fetched\n"
    assert project.git("show", "HEAD:in-1", "HEAD:in-2") == "fetched\nfetched\n"
    assert list((home / ".cache").iterdir()) == []
    assert f"would have removed `{cache}`" in would
    assert is_kept
    assert f"removed `{cache}`" in said
    assert not cache.exists()
