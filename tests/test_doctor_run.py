"""What `peal doctor` says, keeps and puts back, and what a run that does not begin tells by the same checks."""

import json
import re
from pathlib import Path
from typing import Any

from conftest import Repo, copy_of_peal, shell_plan
from test_docs import ROOT, _sections
from test_doctor import codes, examined, fixed, half, half_done, restored, shelled

from peal.doctor.checks import CHECKS

__all__ = ["half", "half_done", "shelled"]


# What a run is refused for


def refused(repo: Repo, *words: str) -> list[str]:
    """What a run says that does not begin, without `error: `."""
    said = repo.peal("run", "plan.md", *words, code=1)
    assert not (repo.path / ".peal").exists()
    assert said.stdout == ""
    return [line.removeprefix("error: ") for line in said.stderr.splitlines()]


def no_identity(repo: Repo) -> None:
    """git does not know who commits."""
    repo.git("config", "--unset", "user.email")
    repo.git("config", "user.useConfigOnly", "true")


def merging(repo: Repo) -> None:
    """A merge was begun."""
    repo.write(".git/MERGE_HEAD", repo.git("rev-parse", "HEAD"))


def settings(repo: Repo, text: str) -> None:
    """Settings that are in no commit."""
    repo.write("peal.toml", text)


def test_a_run_tells_all_that_it_is_refused_for(shelled: Repo) -> None:
    shelled.write("plan.md", shell_plan("true"))
    no_identity(shelled)
    merging(shelled)
    settings(shelled, "max_paralel = 3\n")

    lines = refused(shelled)

    assert len(lines) == 3
    assert lines[0] == "peal.toml: `max_paralel` is no key; did you mean `max_parallel`?"
    assert lines[1].startswith("git does not know who commits; `git config user.name NAME`")
    assert lines[2].startswith("a merge is under way in")
    assert codes(shelled, code=1) == ["GIT_IDENTITY_MISSING", "REPOSITORY_BUSY", "SETTINGS_INVALID"]


def test_who_is_missing_is_told_all_at_once(shelled: Repo, clis: Any) -> None:
    clis()
    del shelled.env["PEAL_AGENT"]
    shelled.write("plan.md", "## Task 1: a\n\ntext\n\n## Task 1: b\n\ntext\n")
    settings(
        shelled,
        "agent = 'codex'\n[phases.plan]\nagent = 'gemini'\n[agents.mine]\ncommand = ['./no-such']\n"
        "[[reviewers]]\nname = 'a'\ncommand = 'no-such'\n[[reviewers]]\nname = 'b'\nagent = 'mine'\n"
        "[[reviewers]]\nname = 'c'\ncommand = 'nor-this'\n",
    )

    lines = refused(shelled)

    beginnings = (
        "plan `plan.md` line 5: task `1` appears twice", "agent `gemini`", "agent `codex`", "agent `mine`",
        "reviewer `a`: `no-such`", "reviewer `c`: `nor-this`",
    )  # fmt: skip
    assert [line.startswith(begin) for line, begin in zip(lines, beginnings, strict=True)] == [True] * 6


def test_an_agent_that_a_task_names_is_told_with_its_line_and_once(shelled: Repo) -> None:
    shelled.write("plan.md", "## Task 1: a\n\n- Agent: nobody\n\n```sh\ntrue\n```\n")
    no_identity(shelled)

    lines = refused(shelled)

    told = [line for line in lines if "there is no agent `nobody`" in line]
    assert len(told) <= 1
    assert len(lines) == len(set(lines))


def test_what_flags_leave_out_is_not_asked_for(shelled: Repo) -> None:
    """Without commits nobody has to commit, and a merge is nobody's business."""
    shelled.write("plan.md", shell_plan("true"))
    no_identity(shelled)
    merging(shelled)
    settings(shelled, "[[reviewers]]\nname = 'a'\ncommand = 'no-such'\n")

    assert [line.partition(":")[0] for line in refused(shelled, "--no-commit")] == ["reviewer `a`"]


def test_settings_that_cannot_be_read_say_nothing_of_agents(shelled: Repo) -> None:
    """What they might name is not reported missing."""
    shelled.write("plan.md", shell_plan("true"))
    settings(shelled, "agent = 'mine'\n[agents.mine]\ncomand = ['true']\n")
    del shelled.env["PEAL_AGENT"]

    lines = refused(shelled)

    assert [line for line in lines if not line.startswith("peal.toml: `agents.mine")] == []


def test_a_damaged_journal_is_told_beside_the_rest(half: Repo) -> None:
    journal = half.memory() / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"a", b"b", 40))
    settings(half, "max_paralel = 3\n")

    said = half.peal("resume", code=1).stderr.splitlines()
    anew = half.peal("run", "plan.md", "--fresh", code=1).stderr.splitlines()

    assert ["max_paralel" in said[0], "is damaged; move the file away" in said[1], len(said)] == [
        True,
        True,
        2,
    ]
    assert len(anew) == 1


# What is told


def test_each_finding_is_told_in_two_lines_with_the_way_out(half: Repo) -> None:
    (half.memory() / "state.json").unlink()
    half.git("checkout", "-q", "--detach")

    said = half.peal("doctor", code=1).stdout

    assert said == (
        f"error BRANCH_UNFIT: `{half.path}` is on no branch (detached HEAD), so results have nowhere to land\n"
        "  `git switch -c NAME` first, or pass --no-commit\n"
        f"warning STATE_JOURNAL_MISMATCH: state.json is missing ({half.memory().relative_to(half.path)}/state.json)\n"
        "  `peal resume` goes on from the journal\n"
        "1 error, 1 warning; `peal doctor --fix` mends 1\n"
    )


def test_what_is_mended_is_told_with_what_is_left(half: Repo) -> None:
    (half.memory() / "state.json").unlink()
    half.git("checkout", "-q", "--detach")

    said = half.peal("doctor", "--fix", code=1).stdout.splitlines()

    assert said[0] == "mended STATE_JOURNAL_MISMATCH: state.json is made again from the journal"
    assert re.fullmatch(r"what was changed is kept: `peal doctor --restore [\d-]+` puts it back", said[1])
    assert said[2].startswith("error BRANCH_UNFIT")
    assert said[-1] == "1 error"


def test_scripts_get_what_was_mended_and_what_is_left(half: Repo) -> None:
    (half.memory() / "state.json").unlink()
    settings(half, "max_paralel = 3\n")

    found = examined(half, "--fix", code=1)

    assert [(one["code"], one["is_mended"]) for one in found] == [
        ("SETTINGS_INVALID", False),
        ("STATE_JOURNAL_MISMATCH", True),
    ]


def test_secrets_are_not_shown(shelled: Repo) -> None:
    shelled.env["API_TOKEN"] = "s3cret-s3cret"
    settings(shelled, "agent = 's3cret-s3cret'\n")
    del shelled.env["PEAL_AGENT"]

    assert "s3cret" not in shelled.peal("doctor", code=1).stdout


def test_nothing_to_mend_changes_nothing(shelled: Repo) -> None:
    settings(shelled, "max_paralel = 3\n")

    shelled.peal("doctor", "--fix", code=1)
    shelled.peal("doctor", "--fix", "--json", code=1)

    assert not (shelled.path / ".peal").exists()


def test_outside_of_a_repository_the_error_says_what_to_do(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    said = Repo(tmp_path, environment).peal("doctor", code=1).stderr

    assert "is not inside a git repository; run `git init` there" in said


# Backups


def test_a_backup_has_a_manifest(half: Repo) -> None:
    state = half.memory() / "state.json"
    state.write_text("{")

    name = fixed(half, "STATE_CORRUPT")

    folder = half.path / ".peal/backups" / name
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest.keys() == {"schema_version", "created_at", "reason", "files", "refs"}
    assert (manifest["schema_version"], manifest["reason"], manifest["refs"]) == (1, "peal doctor --fix", [])
    told = [(one["original_path"], one["operation"], one["code"]) for one in manifest["files"]]
    where = str(half.memory().relative_to(half.path))
    assert told == [
        (f"{where}/{one}", "modified", "STATE_CORRUPT") for one in ("journal.jsonl", "state.json")
    ]
    kept = [(folder / one["backup_path"]).read_bytes() for one in manifest["files"]]
    assert kept == [(half.memory() / "journal.jsonl").read_bytes(), b"{"]


def test_ten_backups_are_kept(half: Repo) -> None:
    state = half.memory() / "state.json"
    for number in range(11):
        (half.path / f".peal/backups/2020010{number}-000000/files").mkdir(parents=True)
        (half.path / f".peal/backups/2020010{number}-000000/manifest.json").write_text(
            '{"files": [], "refs": []}'
        )
    state.write_text("{")

    name = fixed(half, "STATE_CORRUPT")

    kept = sorted(path.name for path in (half.path / ".peal/backups").iterdir())
    assert (len(kept), kept[-1]) == (10, name)


def test_what_a_restore_overwrites_is_kept_too(half: Repo) -> None:
    state = half.memory() / "state.json"
    state.write_text("{")
    name = fixed(half, "STATE_CORRUPT")
    whole = state.read_bytes()

    said = restored(half, name)
    again = said.rpartition("--restore ")[2].partition("`")[0]
    assert state.read_bytes() == b"{"
    restored(half, again)

    assert state.read_bytes() == whole


def test_a_backup_that_is_not_there_is_told_with_those_that_are(half: Repo) -> None:
    first = half.peal("doctor", "--restore", "yesterday", code=1).stderr
    (half.memory() / "state.json").write_text("{")
    name = fixed(half, "STATE_CORRUPT")
    then = half.peal("doctor", "--restore", "yesterday", code=1).stderr
    (half.path / ".peal/backups" / name / "manifest.json").write_text("[")
    torn = half.peal("doctor", "--restore", name, code=1).stderr

    assert "there is no backup `yesterday`; nothing has been mended here yet" in first
    assert f"there are `{name}`" in then
    assert "cannot be understood" in torn
    assert "exclude each other" in half.peal("doctor", "--restore", name, "--fix", code=1).stderr


def test_a_kill_while_something_is_mended_leaves_what_it_was_or_what_it_is(half: Repo) -> None:
    """The backup is there before the change; the next look finds the rest."""
    journal = half.memory() / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"crc":"torn')
    process = half.start("doctor", "--fix")
    process.kill()
    process.wait()

    half.peal("doctor", "--fix")

    assert codes(half) == []


# The pages


def test_the_page_tells_each_code_and_no_other() -> None:
    page = (ROOT / "docs/doctor.md").read_text(encoding="utf-8")

    named = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)

    assert named == ["PYTHON_TOO_OLD", *(check.code for check in CHECKS)]


def test_the_recipe_for_a_check_is_followed(half: Repo, tmp_path: Path) -> None:
    """What docs/adding.md says is all it takes."""
    peal = copy_of_peal(tmp_path / "more")
    function, _test = _sections("adding.md", "python")["A check"]
    (line,) = _sections("adding.md", "py")["A check"]
    (peal / "doctor/summaries.py").write_text(f'"""Summaries."""\n\n{function}')
    registry = peal / "doctor/checks.py"
    text = registry.read_text()
    text = text.replace('    Check("STALE_LOCK"', f'{line}    Check("STALE_LOCK"')
    text = text.replace("from peal.doctor import (", "from peal.doctor import (\n    summaries,")
    registry.write_text(text)
    half.env["PYTHONPATH"] = str(peal.parent)
    assert codes(half) == []
    (half.memory() / "run_summary.json").unlink()

    (found,) = examined(half, code=0)
    fixed(half, None, left=(found["code"],))

    assert found["code"] == "SUMMARY_MISSING"
    assert found["where"].endswith("/run_summary.json")
