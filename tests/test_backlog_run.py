"""`peal backlog run` and `triage`: items through their pipelines, from outside, with real git and agents that are real processes."""

import json
import os
import re
import shlex
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen
from conftest import Repo, branches, carriers, ended, eventually, is_running, later, sample
from forkserver import Process

from peal.backlog import item_file
from peal.backlog.item import Item
from peal.backlog.item_tasks import ItemTasks
from peal.backlog.items_of_branch import BlobItems, ItemsOfBranch, ItemsOfFolder
from peal.backlog.landing import ItemLandings
from peal.backlog.left_out import LeftOut
from peal.backlog.looked_folder import LookedFolder
from peal.backlog.outcomes import Finished
from peal.backlog.store import Backlog
from peal.backlog.worklog import Entry
from peal.errors import Busy
from peal.jobs.backlog_job import backlog_job_of
from peal.jobs.plan_job import pool_of
from peal.model.phase_result import FollowUp, PhaseResult
from peal.model.pipeline import Kind, Phase
from peal.model.plan import Task, TaskId
from peal.model.work import Order
from peal.record import lock
from peal.settings import GuardrailSettings, ItemPhaseSettings, PipelineSettings, load
from peal.system.layout import RepoPaths
from peal.text.names import file_name
from peal.workspaces import Edit, Files, Pool, SharedTree, Slots
from peal.workspaces.additions import FolderFiles, NoAdditions, put_in

GATE = """\
gate() { touch "$OUT/begun-$1"; until [ -e "$OUT/go-$1" ]; do sleep 0.02; done; }
"""
AGENT = """\
id=$PEAL_ITEM phase=$PEAL_PHASE
[ "$phase" = address ] && exit
answer() {  # RESULT [SUMMARY [MORE]]
  printf '{"item_id": "%s", "phase": "%s", "result": "%s", "summary": "%s"%s}' \\
    "$id" "$phase" "$1" "${2:-$id did $phase}" "${3:+, $3}" >"$PEAL_RESULT"
}
cat >"$OUT/prompt-$id-$phase-$PEAL_ATTEMPT"
echo "$id/$phase" >>"$OUT/calls"
for script in "$OUT/do-$id-$phase" "$OUT/do-$phase" "$OUT/do-$id"; do
  if [ -e "$script" ]; then . "$script"; exit; fi
done
[ "$phase" = triage ] || echo "$phase" >"$id-$phase"
answer phase_complete
"""
"""Does what lies in $OUT/do-ITEM-PHASE, do-PHASE or do-ITEM; else it writes a file and says that the phase is done."""

TWO = {"phases": ["prd", "build"]}
ONE = {"phases": ["build"]}
WITH_SCOPING = {"pre_phases": ["research", "design"], "phases": ["build", "review"]}


@define
class Wishes:
    """A repository with a backlog, and an agent that obeys the test."""

    repo: Repo
    out: Path

    def settings(self, text: str = "", **pipelines: dict[str, list[Any]]) -> None:
        """Other settings, committed; a phase is its name, or a table."""
        lines = ['agent = "mine"', text, f"[agents.mine]\ncommand = {_toml(f'sh {self.out}/agent.sh')}"]
        for name, pools in (pipelines or {"feature": ONE}).items():
            for pool, phases in pools.items():
                for phase in phases:
                    keys = phase if isinstance(phase, dict) else {"name": phase}
                    written = "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items())
                    lines.append(f"[[pipelines.{name}.{pool}]]\n{written}")
        self.repo.write("peal.toml", "\n".join(lines) + "\n")
        self.commit("settings")

    def commit(self, text: str) -> None:
        """Everything that is there."""
        self.repo.git("add", "--all")
        self.repo.git("commit", "--allow-empty", "-qm", text)

    def put(self, *items: Item | str, commits: bool = True) -> None:
        """Items in files, by their titles where they are new; committed unless that is not wanted."""
        for number, one in enumerate(items, 1):
            item = new(f"WRK-{number:03}", one) if isinstance(one, str) else one
            self.repo.write(f"backlog/{item.id}.md", item_file.written(item).decode())
        if commits:
            self.commit("items")

    def does(self, name: str, script: str) -> None:
        """What the agent does in ITEM-PHASE, PHASE or ITEM."""
        self.out.joinpath(f"do-{name}").write_text(script)

    def usual(self, name: str) -> None:
        """The agent does again as it does without a word."""
        self.out.joinpath(f"do-{name}").unlink()

    def run(self, *words: str, code: int | None = 0, command: str = "run", **more: str) -> str:
        """What a run says."""
        done = self.repo.peal("backlog", command, *words, code=code, **more)
        return done.stdout + done.stderr

    def start(self, *words: str) -> Process:
        """A run that goes on beside the test."""
        return self.repo.start("backlog", "run", *words)

    def item(self, id_: str) -> Item:
        """An item as the branch has it."""
        names = self.repo.git("ls-tree", "-r", "--name-only", "-z", "HEAD", "backlog").split("\0")
        (name,) = (one for one in names if re.search(rf"/{id_}\b", one))
        return item_file.read(self.repo.git("show", f"HEAD:{name}").encode())

    def statuses(self) -> dict[str, str]:
        """Of all items, as scripts get them."""
        return {one["id"]: one["status"] for one in self.listed()}

    def listed(self) -> list[dict[str, Any]]:
        """All items, as scripts get them."""
        found: list[dict[str, Any]] = json.loads(self.repo.peal("backlog", "list", "--all", "--json").stdout)
        return found

    @property
    def calls(self) -> list[str]:
        """`ITEM/PHASE` for each time that the agent was called."""
        file = self.out / "calls"
        return file.read_text().split() if file.exists() else []

    def prompt(self, name: str, attempt: int = 1) -> str:
        """What the agent was told in ITEM-PHASE."""
        return self.out.joinpath(f"prompt-{name}-{attempt}").read_text()

    def prompts(self) -> list[str]:
        """What was told in each call for item 1, phase by phase."""
        counts = Counter(one.replace("/", "-") for one in self.calls if re.match(r"WRK-001/\w+$", one))
        return [self.prompt(name, number + 1) for name, most in counts.items() for number in range(most)]

    def has_begun(self, gate: str) -> bool:
        """Whether an agent waits at this gate."""
        return self.out.joinpath(f"begun-{gate}").exists()

    def open(self, gate: str) -> None:
        """Let who waits there go on."""
        self.out.joinpath(f"go-{gate}").touch()

    def subjects(self) -> list[str]:
        """What the commits of the branch itself say, the latest first."""
        return self.repo.git("log", "--first-parent", "--format=%s").splitlines()

    def is_clean(self) -> bool:
        """Whether nothing is left in the tree."""
        return not self.repo.git("status", "--porcelain")

    def worklog(self) -> list[tuple[str, str, str]]:
        """Item, phase and outcome of each entry, in order."""
        texts = [path.read_text() for path in sorted(self.repo.path.glob("_worklog/*.md"))]
        return [
            (found[1], found[2] or "", found[3])
            for found in re.finditer(
                r"^## \S+ — (\S+) .*\n\n(?:- \*\*Phase:\*\* (.*)\n)?- \*\*Outcome:\*\* (.*)",
                "\n".join(texts),
                re.MULTILINE,
            )
        ]


def _toml(value: object) -> str:
    return json.dumps(value)


def new(id_: str, title: str = "A wish", **more: Any) -> Item:
    """An item that nobody has looked at."""
    return Item(id_, title, created=f"2026-01-01T00:00:{int(re.sub(r'[^0-9]', '', id_) or 0):02}Z", **more)


def ready(id_: str, title: str = "A wish", **more: Any) -> Item:
    """One that may be worked on."""
    return new(id_, title, status="ready", **more)


@pytest.fixture
def wishes(project: Repo, out: Path) -> Wishes:
    """A backlog with one pipeline of one phase and no items yet."""
    out.joinpath("agent.sh").write_text(GATE + AGENT)
    project.write("backlog/archive/.gitkeep", "")
    made = Wishes(project, out)
    made.settings()
    return made


# --- What phase-golem gets wrong, by the numbers of its list


def test_w01_after_a_run_the_tree_is_clean_and_the_next_run_begins(wishes: Wishes) -> None:
    """phase-golem leaves its worklog uncommitted, and then refuses a tree that is not clean."""
    wishes.put("One")
    wishes.run()

    assert wishes.is_clean()
    wishes.put(new("WRK-002"))
    wishes.run()

    assert wishes.is_clean()
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_w02_commands_and_triage_commit_so_that_a_run_may_follow(wishes: Wishes) -> None:
    """phase-golem's `add`, `advance`, `unblock` and `triage` leave its store uncommitted."""
    wishes.settings(feature=WITH_SCOPING)
    wishes.repo.peal("backlog", "add", "One")
    wishes.run(command="triage")
    assert wishes.is_clean()
    wishes.repo.peal("backlog", "advance", "1")
    wishes.repo.peal("backlog", "block", "1", "--reason", "Which?")
    wishes.repo.peal("backlog", "unblock", "1")
    assert wishes.is_clean()

    wishes.run()

    assert wishes.calls == ["WRK-001/triage", "WRK-001/design", "WRK-001/build", "WRK-001/review"]
    assert wishes.is_clean()


def test_w03_an_item_may_depend_on_one_that_was_done_in_an_earlier_run(wishes: Wishes) -> None:
    """phase-golem refuses to run: the one it depends on is archived, so it `does not exist`."""
    wishes.put("One")
    wishes.run()
    wishes.put(new("WRK-002", depends=("WRK-001",)))

    wishes.run()

    assert wishes.statuses()["WRK-002"] == "done"


@pytest.mark.parametrize("id_", ["tg-k49ya", *later("ABC-007", "WRK-3f9ab")])
def test_w04_a_target_may_have_any_suffix(wishes: Wishes, id_: str) -> None:
    """phase-golem takes only hexadecimal ones, and task-golem makes others."""
    wishes.put(ready(id_))

    wishes.run("--target", id_)

    assert wishes.item(id_).status == "done"


def test_w05_names_with_blanks_umlauts_and_renames_are_committed(wishes: Wishes) -> None:
    """phase-golem reads git's quoted paths as they are, and ends the whole run at the first such name."""
    wishes.repo.write("old name.txt", "text\n")
    wishes.repo.write("gone.txt", "text\n")
    wishes.commit("files")
    wishes.put(ready("WRK-001"))
    wishes.does(
        "build",
        "echo a >'mit Blank und ü.txt'; printf x >'new\nline'; git mv 'old name.txt' 'übel \"quoted\".txt'; git rm -q gone.txt; answer phase_complete",
    )

    wishes.run()

    names = set(wishes.repo.git("ls-tree", "-z", "--name-only", "HEAD").split("\0"))
    assert {"mit Blank und ü.txt", "new\nline", 'übel "quoted".txt'} <= names
    assert not {"old name.txt", "gone.txt"} & names
    assert wishes.is_clean()


def test_w05_a_backlog_in_a_subfolder_of_the_repository_and_a_run_from_another(wishes: Wishes) -> None:
    """phase-golem ends at the first phase where its root is not the repository's."""
    wishes.settings('[backlog]\nfolder = "docs/items"')
    wishes.repo.write("docs/items/WRK-001.md", item_file.written(ready("WRK-001")).decode())
    wishes.commit("item")
    inside = Repo(wishes.repo.path / "docs", wishes.repo.env, wishes.repo.started)

    inside.peal("backlog", "run")

    assert (wishes.repo.path / "docs/items/archive/WRK-001.md").exists()
    assert wishes.is_clean()


def test_w06_is_destructive_may_be_left_out_and_the_cap_of_the_settings_counts(wishes: Wishes) -> None:
    """phase-golem demands the one against its own README, and never reads the other."""
    wishes.settings("[execution]\ndefault_phase_cap = 1", feature=TWO)
    wishes.put(ready("WRK-001"))

    said = wishes.run()

    assert wishes.calls == ["WRK-001/prd"]
    assert "1 phase begun, as many as the cap allows; `peal backlog run` goes on" in said


TOO_MUCH = '"updated_assessments": {"size": "large", "complexity": "high", "risk": "high"}'


@pytest.mark.parametrize(
    ("pipeline", "phase", "before"),
    [(ONE, "triage", "ready"), (TWO, "prd", "in_progress"), *later((WITH_SCOPING, "design", "ready"))],
)
def test_w07_guardrails_hold_at_every_step_to_more_autonomy(
    wishes: Wishes, pipeline: dict[str, list[str]], phase: str, before: str
) -> None:
    """phase-golem asks them after the last phase before the main ones, and nowhere else."""
    wishes.settings(feature=pipeline)
    wishes.put("One")
    wishes.does(phase, f"echo x >made; answer phase_complete large '{TOO_MUCH}'")

    said = wishes.run(code=1)

    item = wishes.item("WRK-001")
    assert item.blocked
    assert (item.status, item.blocked.before, item.blocked.type) == ("blocked", before, "decision")
    assert "`size` is large, and `guardrails.max_size` is medium" in item.blocked.reason
    assert "WRK-001: blocked (decision): it is beyond the guardrails" in said
    assert wishes.calls[-1] == f"WRK-001/{phase}"


def test_w07_what_is_easy_in_size_and_risk_may_be_too_complex(wishes: Wishes) -> None:
    """phase-golem lets it pass, for triage makes it ready without a look at the guardrails."""
    wishes.settings(feature=WITH_SCOPING)
    wishes.put("One")
    wishes.does(
        "triage",
        """answer phase_complete hard '"updated_assessments": {"size": "small", "risk": "low", "complexity": "high"}'""",
    )

    wishes.run(code=1)

    item = wishes.item("WRK-001")
    assert item.blocked
    assert "`complexity` is high" in item.blocked.reason


def test_w07_an_item_that_a_person_has_made_ready_is_asked_about_too(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001", size="large"))

    said = wishes.run(code=1)

    assert wishes.item("WRK-001").status == "blocked"
    assert wishes.calls == []
    assert "item `WRK-001` is blocked and no item is completed" in said
    assert wishes.worklog() == [("WRK-001", "build", "Blocked")]
    assert wishes.subjects()[0].startswith("[WRK-001][build] blocked: it is beyond the guardrails")
    assert wishes.is_clean()


@pytest.mark.parametrize(
    ("phase", "pipeline"), [*later(("triage", ONE)), ("prd", TWO), *later(("design", WITH_SCOPING))]
)
def test_w08_whoever_asks_for_a_persons_review_gets_one(
    wishes: Wishes, phase: str, pipeline: dict[str, list[str]]
) -> None:
    """phase-golem's prompt speaks of it, and its result has no field for it."""
    wishes.settings(feature=pipeline)
    wishes.put("One")
    wishes.does(phase, """answer phase_complete look '"requires_human_review": true'""")

    wishes.run(code=1)
    blocked = wishes.item("WRK-001")
    wishes.repo.peal("backlog", "unblock", "1")
    wishes.run()

    assert blocked.blocked
    assert "a person is to review it first" in blocked.blocked.reason
    assert wishes.calls.count(f"WRK-001/{phase}") == 1
    assert wishes.statuses() == {"WRK-001": "done"}


def test_w09_a_person_lets_pass_what_is_beyond_the_guardrails(wishes: Wishes) -> None:
    """phase-golem does the last phase once more and blocks again, for ever."""
    wishes.settings(feature=WITH_SCOPING)
    wishes.put("One")
    wishes.does("design", f"answer phase_complete large '{TOO_MUCH}'")
    wishes.run(code=1)

    wishes.repo.peal("backlog", "unblock", "1")
    wishes.run(code=1)
    wishes.repo.peal("backlog", "unblock", "1", "--override-guardrails")
    wishes.run()

    assert wishes.calls.count("WRK-001/design") == 1
    assert wishes.item("WRK-001").guardrails_overridden
    assert wishes.item("WRK-001").status == "done"


@pytest.mark.parametrize("said", ["review", *later("prd")])
def test_w10_a_result_of_another_phase_is_none(wishes: Wishes, said: str) -> None:
    """phase-golem archives an item as done whose triage calls itself `review`, and triages without end for `prd`."""
    wishes.settings("[execution]\nmax_retries = 1", feature={"phases": ["prd", "review"]})
    wishes.put("One")
    wishes.does("triage", f"phase={said}; answer phase_complete")

    wishes.run(code=1)

    assert wishes.calls == ["WRK-001/triage"] * 2
    assert f'`phase` is `"{said}"`; it must be `triage`' in wishes.prompt("WRK-001-triage", 2)
    item = wishes.item("WRK-001")
    assert item.blocked
    assert item.blocked.before == "new"


def test_w11_a_triage_that_fails_is_tried_again_a_few_times_and_then_blocked(wishes: Wishes) -> None:
    """phase-golem triages it again until the cap is reached, and does not try again what has crashed."""
    wishes.put("One")
    wishes.does("triage", "answer failed 'cannot tell'")

    wishes.run(code=1)

    assert wishes.calls == ["WRK-001/triage"] * 3
    assert "cannot tell" in wishes.prompt("WRK-001-triage", 2)
    assert wishes.item("WRK-001").status == "blocked"


def test_w11_a_triage_that_crashes_once_is_done_at_the_next_try(wishes: Wishes) -> None:
    wishes.put("One")
    wishes.does("triage", '[ "$PEAL_ATTEMPT" = 2 ] || exit 7; answer phase_complete')

    wishes.run()

    assert wishes.statuses() == {"WRK-001": "done"}


@pytest.mark.parametrize("end", ["failed", *later("blocked")])
def test_w12_what_a_failed_phase_leaves_reaches_nobody(wishes: Wishes, end: str) -> None:
    """phase-golem leaves it in the tree, and commits it with the next item."""
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", f"echo broken >README.md; echo broken >broken; answer {end} 'no way'")

    wishes.run()

    assert wishes.item("WRK-001").status == "blocked"
    assert wishes.item("WRK-002").status == "done"
    assert wishes.repo.read("README.md") == "A project.\n"
    assert not (wishes.repo.path / "broken").exists()
    assert wishes.is_clean()


def test_w13_each_commit_has_the_files_of_its_item_and_no_others(wishes: Wishes) -> None:
    """phase-golem commits the whole tree, so one item's files are under another's name, and the person's too."""
    wishes.repo.write("mine.txt", "mine\n")
    wishes.repo.write("staged.txt", "mine\n")
    wishes.commit("mine")
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.settings("[execution]\nmax_wip = 3\nmax_concurrent = 3")
    wishes.does("build", 'gate "$id"; echo x >"$id-build"; answer phase_complete')
    run = wishes.start()
    eventually(lambda: all(wishes.has_begun(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.repo.write("mine.txt", "edited\n")
    wishes.repo.write("staged.txt", "edited\n")
    wishes.repo.git("add", "staged.txt")
    wishes.repo.write("new.txt", "new\n")
    for number in (3, 1, 2):
        wishes.open(f"WRK-00{number}")

    ended(run, 0)

    for number in (1, 2, 3):
        merge = wishes.repo.git(
            "log", "-1", "--format=%H", "--first-parent", f"--grep=^.WRK-00{number}..build"
        ).strip()
        changed = wishes.repo.git("diff", "--name-only", "--no-renames", f"{merge}^1", merge).split()
        assert set(changed) == {
            f"WRK-00{number}-build",
            f"backlog/WRK-00{number}.md",
            f"backlog/archive/WRK-00{number}.md",
            *(name for name in changed if name.startswith("_worklog/")),
        }
    assert wishes.repo.git("status", "--porcelain").splitlines() == [
        " M mine.txt",
        "M  staged.txt",
        "?? new.txt",
    ]


@pytest.mark.parametrize("phase", [*later("triage"), "build"])
def test_w14_ctrl_c_gives_the_agent_time_and_blocks_nothing(wishes: Wishes, phase: str) -> None:
    """phase-golem kills it at once in a phase, and in triage waits for its end, drops the result and blocks the item."""
    wishes.put("One")
    wishes.does(
        phase, 'trap \'echo heard >"$OUT/heard"; exit 1\' TERM; sleep 1000 & touch "$OUT/begun-x"; wait'
    )
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))

    run.send_signal(signal.SIGINT)

    ended(run, 130)
    assert wishes.out.joinpath("heard").exists()
    assert wishes.item("WRK-001").status in ("new", "ready")
    assert wishes.is_clean()
    wishes.usual(phase)
    wishes.run()
    assert wishes.statuses() == {"WRK-001": "done"}


def test_w14_children_that_an_agent_leaves_behind_are_ended(wishes: Wishes) -> None:
    """phase-golem never does."""
    wishes.put(ready("WRK-001"))
    wishes.does(
        "build",
        '(exec >/dev/null 2>&1; echo $BASHPID; exec sleep 900) & echo $! >"$OUT/child"; answer phase_complete',
    )

    wishes.run()

    child = wishes.out.joinpath("child").read_text().strip()
    eventually(lambda: not is_running(child), 5)


def test_w15_after_a_kill_no_agent_goes_on_and_the_same_command_goes_on_with_the_phase(
    wishes: Wishes,
) -> None:
    """phase-golem's agent works on as an orphan, and its next run refuses the tree or works beside it."""
    wishes.settings(feature=TWO)
    wishes.put(ready("WRK-001"))
    wishes.does("build", "echo half >half; gate x; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    id_ = str(wishes.repo.recorded("RunOpened")[-1]["run"])

    run.kill()

    eventually(lambda: carriers("PEAL_RUN_ID", id_) == [])
    assert wishes.is_clean()
    wishes.usual("build")
    wishes.run()
    assert wishes.calls == ["WRK-001/prd", "WRK-001/build", "WRK-001/build"]
    assert wishes.subjects()[:2] == ["[WRK-001][build] WRK-001 did build", "[WRK-001][prd] WRK-001 did prd"]
    assert wishes.is_clean()


def test_w16_only_hides_no_dependency_and_no_limit(wishes: Wishes) -> None:
    """phase-golem sees only what the filter matches, so an item is done before the one it depends on."""
    wishes.put(
        new("WRK-001", status="in_progress"),
        ready("WRK-002", tags=("ui",), depends=("WRK-003",)),
        ready("WRK-003"),
        ready("WRK-004", tags=("ui",)),
    )

    said = wishes.run("--only", "tag=ui", "--explain", code=1)

    assert wishes.calls == []
    assert "WRK-002: waits: depends on WRK-003, which is ready" in said
    assert "WRK-004: waits: at most 1 item may be in progress" in said


def test_w16_an_item_that_the_filter_has_matched_goes_on_to_its_end(wishes: Wishes) -> None:
    """phase-golem stops right after `--only status=ready` has begun one."""
    wishes.settings(feature=TWO)
    wishes.put(ready("WRK-001"), new("WRK-002"))

    said = wishes.run("--only", "status=ready")

    assert wishes.calls == ["WRK-001/prd", "WRK-001/build"]
    assert "only: status=ready" in said
    assert "everything asked for is done" in said


def test_w16_a_target_that_waits_for_a_later_one_is_taken_up_again(wishes: Wishes) -> None:
    """phase-golem halts at once with 0, and has done nothing."""
    wishes.put(ready("WRK-001"), ready("WRK-002", depends=("WRK-001",)), ready("WRK-003"))

    said = wishes.run("--target", "2", "--target", "1", "--target", "3", "--auto-advance")

    assert wishes.calls == ["WRK-001/build", "WRK-002/build", "WRK-003/build"]
    assert "[target] WRK-002 depends on WRK-001, which is ready. Passing over (1/3)." in said


def test_w17_a_broken_machine_does_not_burn_every_target(wishes: Wishes) -> None:
    """phase-golem counts afresh with each target that it leaves behind, so its breaker never trips."""
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(*(ready(f"WRK-00{number}") for number in range(1, 6)))
    wishes.does("build", "exit 1")

    targets = [word for number in range(1, 6) for word in ("--target", str(number))]
    said = wishes.run(*targets, "--auto-advance", code=3)

    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]
    assert "2 failures in a row to get an answer from an agent" in said


def test_w17_a_phase_that_passes_between_two_failures_starts_the_count_afresh(wishes: Wishes) -> None:
    """phase-golem counts on, unless an item is done or blocked."""
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.does("WRK-001", "exit 1")
    wishes.does("WRK-002", "exit 1")

    wishes.run("--target", "1", "--target", "3", "--target", "2", "--auto-advance")

    assert wishes.calls == ["WRK-001/build", "WRK-003/build", "WRK-002/build"]
    assert wishes.statuses() == {"WRK-001": "blocked", "WRK-002": "blocked", "WRK-003": "done"}


def test_w18_who_depends_on_a_duplicate_depends_on_what_it_has_become(wishes: Wishes) -> None:
    """phase-golem takes the dependency away, so the item is done before what it waits for."""
    wishes.put(
        ready("WRK-001"), new("WRK-002", "The same"), ready("WRK-003", priority=9, depends=("WRK-002",))
    )
    wishes.does("WRK-002-triage", """answer phase_complete same '"duplicates": ["WRK-001"]'""")
    wishes.does("WRK-001-build", "answer blocked 'Which?'")

    said = wishes.run("--cap", "2", code=1)

    assert wishes.item("WRK-003").depends == ("WRK-001",)
    assert wishes.item("WRK-002").status == "cancelled"
    assert "[Merged from WRK-002] Title: The same" in wishes.item("WRK-001").description.context
    assert "merged: WRK-002" in said
    assert "WRK-003/build" not in wishes.calls
    assert ("WRK-002", "triage", "Merged") in wishes.worklog()


def test_w18_a_triage_that_asks_a_person_merges_when_it_has_an_answer(wishes: Wishes) -> None:
    wishes.put("One", "Two")
    wishes.does("WRK-002-triage", """answer blocked 'The same?' '"duplicates": ["WRK-001"]'""")

    said = wishes.run(command="triage")

    assert wishes.item("WRK-002").status == "blocked"
    assert "WRK-002: duplicate `WRK-001` is left as it is until triage is complete" in said
    assert "1 blocked" in said
    wishes.repo.peal("backlog", "unblock", "2")
    wishes.does("WRK-002-triage", """answer phase_complete same '"duplicates": ["WRK-001"]'""")
    assert "merged: WRK-002" in wishes.run(command="triage")
    assert wishes.item("WRK-002").status == "cancelled"


FOLLOW_UPS = '"follow_ups": ["Tidy up", {"title": "Tidy  UP!", "context": "x"}, {"title": "Docs", "suggested_size": "small"}]'


def test_w18_follow_ups_come_once_with_their_origin_and_no_more_than_a_few(wishes: Wishes) -> None:
    """phase-golem makes an item of each, every time it is named, and without end."""
    wishes.settings("[execution]\nmax_follow_ups = 2", feature=TWO)
    wishes.put(ready("WRK-001"))
    wishes.does("prd", f"answer phase_complete ok '{FOLLOW_UPS}'")
    wishes.does("build", """answer phase_complete ok '"follow_ups": ["tidy up", "One", "Two", "Three"]'""")

    said = wishes.run("--target", "1")

    assert {wishes.item(f"WRK-00{number}").title for number in (2, 3, 4, 5)} == {
        "Tidy up",
        "Docs",
        "One",
        "Two",
    }
    assert (wishes.item("WRK-003").origin, wishes.item("WRK-003").size) == ("WRK-001/prd", "small")
    assert set(wishes.statuses()) == {f"WRK-00{number}" for number in (1, 2, 3, 4, 5)}
    assert "4 follow-ups" in said
    assert "1 more of its follow-ups are left out" in said


def test_w18_follow_ups_that_bring_themselves_come_to_an_end(wishes: Wishes) -> None:
    """phase-golem's do not: an item of its own about closing a duplicate was there five times."""
    wishes.put(ready("WRK-001"))
    wishes.does("build", """answer phase_complete ok '"follow_ups": ["Tidy up"]'""")

    said = wishes.run()

    assert wishes.statuses() == {f"WRK-00{number}": "done" for number in (1, 2)}
    assert "follow-up `Tidy up` is there already, as WRK-002" in said


@pytest.mark.parametrize("end", [*later("failed"), "blocked"])
def test_w19_what_was_learned_is_kept_however_a_phase_ends(wishes: Wishes, end: str) -> None:
    """phase-golem drops follow-ups and assessments of a phase that failed or is blocked."""
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"))
    more = f'"updated_assessments": {{"impact": "high"}}, {FOLLOW_UPS}'
    wishes.does("build", f"answer {end} 'learned something' '{more}'")

    wishes.run("--target", "1", code=1)

    item = wishes.item("WRK-001")
    assert (item.status, item.impact, item.summary) == ("blocked", "high", "learned something")
    assert wishes.item("WRK-002").title == "Tidy up"
    assert wishes.is_clean()


LEARNED = '"updated_assessments": {"size": "large"}, "requires_human_review": true'


@pytest.mark.parametrize("begins_anew", [*later("in_another_run"), "in_the_same_run"])
def test_w19_what_was_learned_before_is_not_learned_again_from_an_end_without_an_answer(
    wishes: Wishes, begins_anew: str
) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001-build", f"answer blocked 'Which one?' '{LEARNED}'; cp $OUT/crash $OUT/do-$id-build")
    wishes.does("WRK-002-build", "gate x; echo x >made; answer phase_complete")
    wishes.out.joinpath("crash").write_text("exit 1")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    if begins_anew == "in_another_run":
        wishes.open("x")
        ended(run, 0)
    assert wishes.item("WRK-001").size == "large"
    wishes.repo.peal("backlog", "edit", "1", "--size", "small")
    wishes.repo.peal("backlog", "unblock", "1")
    wishes.open("x")

    said = wishes.run(code=1) if begins_anew == "in_another_run" else ended(run, 0)

    item = wishes.item("WRK-001")
    assert wishes.calls.count("WRK-001/build") == 2, said
    assert item.blocked
    assert (item.blocked.type, item.size, item.requires_human_review) == ("failure", "small", False)


def test_w19_what_was_learned_before_is_not_learned_again_from_work_that_lands_later(wishes: Wishes) -> None:
    """The work is there, and only its landing was refused."""
    wishes.put(ready("WRK-001"))
    wishes.does("build", f"echo x >made; answer phase_complete ok '{LEARNED}, {FOLLOW_UPS}'")
    refusing = hook(wishes, "pre-commit", "! git diff --cached --name-only | grep -q made")
    wishes.run("--target", "1", code=1)
    assert wishes.item("WRK-001").size == "large"
    wishes.repo.peal("backlog", "edit", "1", "--size", "small")
    wishes.repo.peal("backlog", "edit", "2", "--title", "Tidy up the kitchen")
    wishes.repo.peal("backlog", "unblock", "1")
    refusing.unlink()

    wishes.run("--target", "1")

    item = wishes.item("WRK-001")
    assert wishes.calls == ["WRK-001/build"]
    assert (item.status, item.size, item.requires_human_review) == ("done", "small", False)
    assert wishes.statuses().keys() == {"WRK-001", "WRK-002", "WRK-003"}


def test_w19_what_could_not_be_written_is_learned_later(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(ready("WRK-001"))
    wishes.does("build", f"echo >>backlog-note; gate x; answer blocked 'Which one?' '{LEARNED}'")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    edit(wishes, "WRK-001")
    wishes.open("x")
    ended(run, 4)
    wishes.commit("mine")
    wishes.does("build", "exit 1")

    wishes.run(code=1)

    assert wishes.item("WRK-001").size == "large"


def test_w19_a_summary_is_told_to_the_next_phase_by_another_peal_and_notes_once(wishes: Wishes) -> None:
    """phase-golem forgets the one with its process, and the other never."""
    wishes.settings(feature={"phases": ["prd", "design", "build"]})
    wishes.put(ready("WRK-001"))
    wishes.does("prd", "answer phase_complete 'the prd is in prd.md'")
    wishes.does("design", "answer blocked 'Which provider?'")
    wishes.run("--cap", "1")
    assert "the prd is in prd.md" in (wishes.item("WRK-001").summary)
    wishes.run(code=1)

    wishes.repo.peal("backlog", "unblock", "1", "--notes", "Our own, no provider.")
    wishes.usual("design")
    wishes.run()

    assert "the prd is in prd.md" in wishes.prompt("WRK-001-design")
    assert "Our own, no provider." in wishes.prompt("WRK-001-design", 2)
    assert "Our own, no provider." not in wishes.prompt("WRK-001-build")
    assert "Phase `design` (2/3, main) of: prd, design, build." in wishes.prompt("WRK-001-design")
    assert "this is attempt 2" in wishes.prompt("WRK-001-design", 2)


def answer_during(wishes: Wishes, gate: str, said: str) -> None:
    """A person blocks item 1 while its agent waits at a gate, and lets it go on."""
    eventually(lambda: wishes.has_begun(gate))
    wishes.repo.peal("backlog", "block", "1", "--reason", "hm")
    wishes.repo.peal("backlog", "unblock", "1", "--notes", said)
    wishes.open(gate)


@pytest.mark.parametrize(
    ("end", "commit"),
    sample(
        {
            f"{end}-{commit}": (end, commit)
            for end in ("answer phase_complete", "answer blocked 'Which?'", "exit 1")
            for commit in ("true", "false")
        },
        "answer blocked 'Which?'-true",
        "exit 1-false",
    ),
)
def test_w19_what_a_person_says_during_a_phase_is_told_to_the_next(
    wishes: Wishes, end: str, commit: str
) -> None:
    wishes.settings(f"commit = {commit}\n[execution]\nmax_retries = 0", feature={"phases": ["a", "b", "c"]})
    wishes.put(ready("WRK-001", notes="FIRST"))
    wishes.does("a", f"gate x; echo x >made; {end}")
    run = wishes.start()
    answer_during(wishes, "x", "SECOND")
    run.communicate(timeout=60)
    is_complete = wishes.statuses()["WRK-001"] == "done"
    if not is_complete:
        wishes.does("a", "answer phase_complete")
        wishes.repo.peal("backlog", "unblock", "1", "--notes", "THIRD")
        wishes.run()

    told = [[word for word in ("FIRST", "SECOND", "THIRD") if word in text] for text in wishes.prompts()]

    again = [] if is_complete else [["SECOND", "THIRD"]]
    assert told == [["FIRST"], *again, ["SECOND"] if is_complete else [], []]


def test_w19_what_a_person_says_while_a_landing_is_held_is_told_to_the_next_phase(wishes: Wishes) -> None:
    wishes.settings(feature={"phases": ["a", "b", "c"]})
    wishes.put(ready("WRK-001"))
    wishes.does("a", "gate x; echo x >made; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    wishes.repo.peal("backlog", "block", "1", "--reason", "hm")
    wishes.open("x")
    run.communicate(timeout=60)
    wishes.repo.peal("backlog", "unblock", "1", "--notes", "SAID")

    wishes.run()

    assert wishes.calls == ["WRK-001/a", "WRK-001/b", "WRK-001/c"]
    assert ["SAID" in text for text in wishes.prompts()] == [False, True, False]


def test_w19_what_a_person_says_is_not_lost_to_a_guardrail_or_a_command(wishes: Wishes) -> None:
    """Before the one no phase was begun, and the other is told nothing."""
    check = {"name": "check", "kind": "command", "command": "true"}
    wishes.settings(feature={"phases": [check, "b", "c"]})
    wishes.put(ready("WRK-001", size="large"))
    wishes.run(code=1)
    wishes.repo.peal("backlog", "unblock", "1", "--notes", "FIRST")
    wishes.run(code=1)
    wishes.repo.peal("backlog", "unblock", "1", "--notes", "SECOND", "--override-guardrails")

    wishes.run()

    assert [("FIRST" in text, "SECOND" in text) for text in wishes.prompts()] == [
        (True, True),
        (False, False),
    ]


@pytest.mark.parametrize("commit", ["true", *later("false")])
def test_w19_what_a_person_says_during_a_plan_is_told_to_the_next_phase(planned: Wishes, commit: str) -> None:
    planned.settings(f"commit = {commit}", feature={"phases": [*BY_PLAN["phases"], "check", "last"]})
    planned.does("design", WRITES_PLAN.format("# P\n\n## Task 1: First\n\nx"))
    planned.run("--cap", "1")
    planned.repo.peal("backlog", "block", "1", "--reason", "hm")
    planned.repo.peal("backlog", "unblock", "1", "--notes", "FIRST")
    planned.does("task-1", "gate x")
    run = planned.start()
    answer_during(planned, "x", "SECOND")
    run.communicate(timeout=60)

    planned.run(code=None)  # if the block was seen

    prompts = [planned.out.joinpath("task-prompt").read_text(), *planned.prompts()[-2:]]
    told = [[word for word in ("FIRST", "SECOND") if word in text] for text in prompts]
    assert told == [["FIRST"], ["SECOND"], []]


@pytest.mark.parametrize("how", ["removed", *later("cancelled"), "moved on", *later("blocked")])
def test_w20_an_item_that_changes_under_its_phase_ends_no_run(wishes: Wishes, how: str) -> None:
    """phase-golem ends with a raw error, and no summary."""
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001-build", "gate x; echo x >made; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    if how == "removed":
        wishes.repo.git("rm", "-q", "backlog/WRK-001.md")
        wishes.repo.git("commit", "-qm", "away")
    elif how == "cancelled":
        wishes.repo.peal("backlog", "close", "1")
    elif how == "blocked":
        wishes.repo.peal("backlog", "block", "1", "--reason", "Wait")
    else:
        wishes.put(new("WRK-001", status="scoping"))
    wishes.open("x")

    said, _ = run.communicate(timeout=60)

    assert wishes.item("WRK-002").status == "done", said
    assert not (wishes.repo.path / "made").exists()
    assert "Traceback" not in said
    assert "1 completed" in said
    assert wishes.is_clean()


def test_w21_a_prompt_of_any_length_reaches_the_agent(wishes: Wishes) -> None:
    """phase-golem passes it as one argument: more than 128 KiB do not start."""
    wishes.put(ready("WRK-001", text="\n" + "many words " * 30_000 + "and the last\n"))

    wishes.run()

    assert "and the last" in wishes.prompt("WRK-001-build")


def test_w22_what_an_agent_says_is_kept_for_each_attempt(wishes: Wishes) -> None:
    """phase-golem lets all agents write to one terminal, and keeps nothing."""
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("build", 'echo "this is $id in $PWD"; answer phase_complete')

    wishes.run()

    for id_ in ("WRK-001", "WRK-002"):
        (kept,) = wishes.repo.memory().glob(f"attempts/*{id_}*build*/stdout")
        assert kept.read_text().startswith(f"this is {id_} in {wishes.repo.path}/.peal/worktrees/")


def test_w23_isolated_destructive_phases_run_side_by_side(wishes: Wishes) -> None:
    """phase-golem has one tree, so they wait for all others and the others for them."""
    wishes.settings(
        '[execution]\nmax_wip = 2\nmax_concurrent = 2\ndestructive = "isolated"',
        feature={"phases": [{"name": "build", "is_destructive": True}]},
    )
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("build", 'gate "$id"; echo x >"$id"; answer phase_complete')

    run = wishes.start()
    eventually(lambda: wishes.has_begun("WRK-001") and wishes.has_begun("WRK-002"))
    wishes.open("WRK-002")
    wishes.open("WRK-001")

    ended(run, 0)
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_w24_a_phase_may_have_an_agent_a_timeout_and_retries_of_its_own(wishes: Wishes) -> None:
    """phase-golem has one of each for everything."""
    other = f"[agents.other]\ncommand = {_toml(f'sh {wishes.out}/agent.sh')}\n"
    wishes.settings(
        other,
        feature={
            "phases": [
                {"name": "prd", "agent": "other", "retries": 0},
                {"name": "build", "timeout": 1, "retries": 1},
            ]
        },
    )
    wishes.put(ready("WRK-001"))
    wishes.does("build", '[ "$PEAL_ATTEMPT" = 2 ] || sleep 60; answer phase_complete')

    wishes.run()

    agents = {(one["task"], one["phase"]): one["agent"] for one in wishes.repo.recorded("StepStarted")}
    assert agents["WRK-001/prd", "prd"] == "other"
    assert agents["WRK-001/build", "build"] == "mine"
    assert wishes.calls.count("WRK-001/build") == 2
    assert "timed out" in wishes.prompt("WRK-001-build", 2)


def test_w25_lines_have_times_and_status_tells_why_an_item_waits(wishes: Wishes) -> None:
    """phase-golem's have none, and its status hides reasons and dependencies."""
    wishes.put(
        ready("WRK-001", "Über „Größe“ und Maß der ganzen Dinge"), new("WRK-002", depends=("WRK-001",))
    )
    wishes.does("build", "answer blocked 'Which?'")

    said = wishes.run(code=1)
    status = wishes.repo.peal("backlog", "status").stdout

    assert re.search(r"^\d\d:\d\d:\d\d task WRK-001/build build BLOCKED", said, re.MULTILINE)
    assert "blocked (clarification): Which?" in status
    assert "waits for WRK-001 (blocked)" in status


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[execution]\nmax_wpi = 3", "max_wpi"),
        ("[guardrails]\nmax_sice = 3", "max_sice"),
        ("[execution]\nphase_timeout_minutes = 0", "phase_timeout_minutes"),
        ("[execution]\nmax_concurrent = 0", "max_concurrent"),
    ],
)
def test_w26_mistakes_in_the_settings_are_told_before_any_work(wishes: Wishes, text: str, told: str) -> None:
    """phase-golem takes most of them for nothing, and a timeout of 0 for one."""
    wishes.settings(text)
    wishes.put("One")

    assert told in wishes.run(code=1)
    assert wishes.calls == []


# --- Each end, by its exit code and its words


BLOCKS = "answer blocked 'Which?'"


def test_end_circuit_breaker_of_items_whose_retries_are_used_up(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_retries = 0")
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.does("build", "answer failed 'no'")

    said = wishes.run(code=3)

    assert "the retries of 2 items in a row are used up" in said
    assert wishes.statuses() == {"WRK-001": "blocked", "WRK-002": "blocked", "WRK-003": "ready"}


def test_end_paused_at_a_landing_that_is_held_and_gone_on_with(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", "echo theirs >README.md; answer phase_complete")
    wishes.repo.write("README.md", "mine\n")

    said = wishes.run(code=4)
    wishes.repo.git("checkout", "-q", "README.md")
    wishes.run()

    assert "paused: " in said
    assert "README.md" in said
    assert wishes.calls == ["WRK-001/build"]
    assert wishes.repo.read("README.md") == "theirs\n"
    assert wishes.is_clean()


def test_end_target_blocked_others_completed(wishes: Wishes) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.does("WRK-002", BLOCKS)

    said = wishes.run("--target", "1", "--target", "2", "--target", "3")

    assert "target WRK-002 is blocked; item `WRK-001` is completed" in said
    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]


def test_end_target_blocked(wishes: Wishes) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2)))
    wishes.does("WRK-001", BLOCKS)

    said = wishes.run("--target", "1", "--target", "2", code=1)

    assert "[target] WRK-001 blocked (1/2). Halting." in said
    assert "target WRK-001 is blocked; no item is completed" in said


def test_end_cap_reached_with_nothing_but_a_block(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", BLOCKS)

    said = wishes.run("--cap", "1", code=1)

    assert (
        "1 phase begun, as many as the cap allows; item `WRK-001` is blocked and no item is completed" in said
    )


@pytest.mark.parametrize(("cap", "calls"), [("1", 1), *later(("2", 2), ("0", 0))])
def test_end_cap_reached(wishes: Wishes, cap: str, calls: int) -> None:
    wishes.settings(feature=TWO)
    wishes.put(ready("WRK-001"), ready("WRK-002"))

    said = wishes.run("--cap", cap)

    assert len(wishes.calls) == calls
    assert "as many as the cap allows" in said


def test_the_cap_counts_phases_and_not_their_attempts(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", '[ "$PEAL_ATTEMPT" = 3 ] || { answer failed no; exit; }; answer phase_complete')

    wishes.run("--cap", "2")

    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_end_all_completed(wishes: Wishes) -> None:
    wishes.put("One")

    said = wishes.run()

    assert said.splitlines()[-4:] == [
        "2 phases, 1 completed, 0 blocked",
        "completed: WRK-001",
        "everything asked for is done",
        "next: `peal backlog status` to see how far each item is, `peal backlog run` to ask for the same again",
    ]


def test_end_some_completed(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", BLOCKS)

    assert "item `WRK-002` is completed; 1 other item cannot go on now" in wishes.run()


def test_end_all_blocked(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("build", BLOCKS)

    assert "items `WRK-001`, `WRK-002` are blocked and no item is completed" in wishes.run(code=1)


def test_end_no_matching_items(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))

    assert "no item matches tag=ui" in wishes.run("--only", "tag=ui")


@pytest.mark.parametrize("is_empty", [True, False])
def test_end_nothing_open(wishes: Wishes, is_empty: bool) -> None:
    if not is_empty:
        wishes.put("One")
        wishes.run()

    assert "nothing is open" in wishes.run()


def test_end_held_by_an_uncommitted_edit_and_gone_on_with_after_a_commit(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    file = wishes.repo.path / "backlog/WRK-001.md"
    file.write_text(file.read_text() + "\nMore of it.\n")

    said = wishes.run(code=4)
    assert wishes.calls == []
    assert (
        "WRK-001 is not begun: its file `WRK-001.md` has changes that are not committed; commit them" in said
    )
    assert "item `WRK-001` is held for what was told above; mend that, and run again" in said
    assert "held: WRK-001" in said
    wishes.commit("more")
    wishes.run()

    assert "More of it." in wishes.prompt("WRK-001-build")
    assert wishes.statuses() == {"WRK-001": "done"}


def test_only_the_item_whose_file_is_edited_is_held(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    file = wishes.repo.path / "backlog/WRK-001.md"
    file.write_text(file.read_text() + "\nMore of it.\n")

    said = wishes.run()

    assert wishes.calls == ["WRK-002/build"]
    assert "held: WRK-001" in said
    assert wishes.repo.git("status", "--porcelain").splitlines() == [" M backlog/WRK-001.md"]


def test_end_nothing_more_to_begin(wishes: Wishes) -> None:
    wishes.put(new("WRK-001", size="small"), new("WRK-002"))
    wishes.settings(feature=ONE)
    wishes.put(ready("WRK-001", depends=("WRK-003",)), new("WRK-002"), ready("WRK-003", tags=("x",)))
    wishes.does("WRK-002-triage", """answer phase_complete ok '"updated_assessments": {"size": "small"}'""")

    said = wishes.run(command="triage")

    assert wishes.calls == ["WRK-002/triage"]
    assert wishes.item("WRK-002").status == "ready"
    assert "1 phase" in said


def test_end_nothing_can_be_worked_on(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001", depends=("WRK-002",)), ready("WRK-002"))
    wishes.repo.peal("backlog", "block", "2", "--reason", "Wait")

    said = wishes.run("--explain", code=1)

    assert "none of 2 open items can be worked on; why is told above" in said
    assert "WRK-001: waits: depends on WRK-002, which is blocked" in said
    assert "WRK-002: waits: blocked by decision: Wait; `peal backlog unblock WRK-002` lets it go on" in said


# --- Targets


def targets_told(said: str) -> list[str]:
    """The lines about targets."""
    return [line for line in said.splitlines() if line.startswith("[target]")]


def test_auto_advance_leaves_a_blocked_target_behind_and_names_the_next_one(wishes: Wishes) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3, 4)))
    wishes.does("WRK-001", BLOCKS)
    wishes.does("WRK-003", BLOCKS)

    said = wishes.run("--target", "3", "--target", "2", "--target", "1", "--auto-advance")

    assert targets_told(said) == [
        "[target] WRK-003 blocked (1/3). Auto-advancing.",
        "[target] Next: WRK-002 (2/3).",
        "[target] WRK-002 completed (2/3).",
        "[target] Next: WRK-001 (3/3).",
        "[target] WRK-001 blocked (3/3). Auto-advancing.",
    ]
    assert said.splitlines()[-7:-1] == [
        "3 phases, 1 completed, 2 blocked",
        "completed: WRK-002",
        "blocked: WRK-001, WRK-003",
        "  WRK-001: Which?; `peal backlog unblock WRK-001 --notes ANSWER` lets it go on",
        "  WRK-003: Which?; `peal backlog unblock WRK-003 --notes ANSWER` lets it go on",
        "item `WRK-002` is completed; 2 other items cannot go on now",
    ]
    assert "WRK-004/build" not in wishes.calls
    assert wishes.is_clean()


def test_auto_advance_with_every_target_blocked_is_1(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("build", BLOCKS)

    wishes.run("--target", "1", "--target", "2", "--auto-advance", code=1)

    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]


def test_auto_advance_with_one_target_and_with_none(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001", BLOCKS)

    wishes.run("--target", "1", "--auto-advance", code=1)
    wishes.run("--auto-advance")

    assert wishes.statuses() == {"WRK-001": "blocked", "WRK-002": "done"}


def test_targets_that_are_done_blocked_or_cancelled_already_are_skipped(wishes: Wishes) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3, 4)))
    wishes.run("--target", "1")
    wishes.repo.peal("backlog", "block", "2", "--reason", "Wait")
    wishes.repo.peal("backlog", "close", "3")

    said = wishes.run(*(word for number in (1, 2, 3, 4) for word in ("--target", str(number))))

    assert targets_told(said) == [
        "[target] WRK-001 already done. Skipping (1/4).",
        "[target] WRK-002 already blocked. Skipping (2/4).",
        "[target] WRK-003 already cancelled. Skipping (3/4).",
        "[target] Next: WRK-004 (4/4).",
        "[target] WRK-004 completed (4/4).",
    ]


def test_targets_that_are_all_blocked_already_are_no_success(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.repo.peal("backlog", "block", "1", "--reason", "Wait")

    assert "none of 1 open item can be worked on" in wishes.run("--target", "1", code=1)


def test_a_target_is_triaged_and_nothing_else_is(wishes: Wishes) -> None:
    wishes.put("One", "Two", "Three")

    wishes.run("--target", "wrk-002")

    assert wishes.calls == ["WRK-002/triage", "WRK-002/build"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--target", "9"), 1, "9"),
        (("--target", "1", "--target", "WRK-001"), 1, "more than one `--target` means `WRK-001`"),
        (("--target", "1", "--only", "tag=x"), 1, "--target and --only exclude each other"),
        (("--only", "colour=red"), 1, "colour"),
        (("--only", "tag"), 1, "KEY=VALUE"),
        (("--cap", "-1"), 1, "--cap"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_any_work(
    wishes: Wishes, words: tuple[str, ...], code: int, told: str
) -> None:
    wishes.put("One")

    assert told in wishes.run(*words, code=code)
    assert wishes.calls == []
    assert not list(wishes.repo.path.glob(".peal/*/journal.jsonl"))


# --- Pipelines


def test_an_item_goes_through_all_of_its_pipeline(wishes: Wishes) -> None:
    wishes.settings(feature=WITH_SCOPING, fix=ONE)
    wishes.put("One", "Two")
    wishes.does("WRK-002-triage", """answer phase_complete ok '"pipeline_type": "fix"'""")
    wishes.does(
        "WRK-001-triage",
        """answer phase_complete ok '"description": {"context": "long ago", "problem": "no login"}, "updated_assessments": {"size": "medium", "risk": "low"}'""",
    )

    wishes.run()

    assert [call for call in wishes.calls if "001" in call] == [
        "WRK-001/triage",
        "WRK-001/research",
        "WRK-001/design",
        "WRK-001/build",
        "WRK-001/review",
    ]
    assert [call for call in wishes.calls if "002" in call] == ["WRK-002/triage", "WRK-002/build"]
    assert "Problem: no login" in wishes.prompt("WRK-001-research")
    assert "Assessed so far: size medium, risk low." in wishes.prompt("WRK-001-research")
    assert wishes.item("WRK-002").pipeline == "fix"
    assert (wishes.repo.path / "backlog/archive/WRK-001.md").exists()
    assert [entry for entry in wishes.worklog() if entry[0] == "WRK-002"] == [
        ("WRK-002", "triage", "Complete"),
        ("WRK-002", "build", "Complete"),
    ]
    assert branches(wishes.repo) == []


def test_triage_that_chooses_a_pipeline_that_is_not_there_blocks_for_a_decision(wishes: Wishes) -> None:
    wishes.put("One")
    wishes.does("triage", """answer phase_complete ok '"pipeline_type": "blog"'""")

    wishes.run(code=1)

    assert wishes.item("WRK-001").blocked
    assert "triage has chosen pipeline `blog`, and there is `feature`" in str(wishes.item("WRK-001").blocked)


def test_peal_backlog_triage_triages_and_does_nothing_else(wishes: Wishes) -> None:
    wishes.put("One", "Two", ready("WRK-003"), "Four")
    wishes.does("WRK-002", BLOCKS)
    wishes.does(
        "WRK-004-triage", """answer phase_complete same '"duplicates": ["1"], "follow_ups": ["More"]'"""
    )

    said = wishes.run("--cap", "3", command="triage")

    assert wishes.calls == ["WRK-001/triage", "WRK-002/triage", "WRK-004/triage"]
    assert wishes.statuses() == {
        "WRK-001": "ready",
        "WRK-002": "blocked",
        "WRK-003": "ready",
        "WRK-004": "ready",
        "WRK-005": "new",
    }
    assert "WRK-004: duplicate `1` is no item" in said
    assert "2 items triaged; item `WRK-002` is blocked; 3 phases begun, as many as the cap allows" in said
    assert wishes.is_clean()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("true", "there is no result"),
        ("echo nonsense >$PEAL_RESULT", "it is no JSON"),
        pytest.param(": >$PEAL_RESULT", "it is empty", marks=pytest.mark.torture),
        pytest.param(
            "id=WRK-009; answer phase_complete",
            '`item_id` is `"WRK-009"`; it must be `WRK-001`',
            marks=pytest.mark.torture,
        ),
        pytest.param(
            "phase=prd; answer phase_complete",
            '`phase` is `"prd"`; it must be `build`',
            marks=pytest.mark.torture,
        ),
        *later(("answer DONE", '`result` is `"DONE"`')),
        pytest.param("answer phase_complete ' '", "`summary` is empty", marks=pytest.mark.torture),
        pytest.param(
            """answer phase_complete x '"follow_ups": "no list"'""",
            "`follow_ups` is",
            marks=pytest.mark.torture,
        ),
        (
            """answer phase_complete x '"updated_assessments": {"size": "huge"}'""",
            "`updated_assessments.size` is",
        ),
        ("head -c 2000000 /dev/zero | tr '\\0' x >$PEAL_RESULT", "a result has at most"),
        ("printf '\\377\\376' >$PEAL_RESULT", "its result cannot be used"),
        ("ln -s /etc/passwd $PEAL_RESULT", "result"),
        pytest.param("mkdir $PEAL_RESULT", "result", marks=pytest.mark.torture),
        ("answer failed 'tests do not pass'", "tests do not pass"),
        ("answer phase_complete; exit 3", "exit status 3"),
    ],
)
def test_a_bad_result_is_tried_again_with_the_reason_in_the_prompt(
    wishes: Wishes, script: str, told: str
) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", f'[ "$PEAL_ATTEMPT" = 1 ] || {{ answer phase_complete; exit; }}\n{script}')

    wishes.run()

    assert wishes.calls == ["WRK-001/build"] * 2
    assert told in wishes.prompt("WRK-001-build", 2)
    assert wishes.statuses() == {"WRK-001": "done"}


ANSWER = '{"item_id": "WRK-001", "phase": "build", "result": "phase_complete", "summary": "it is {done}"}'


@pytest.mark.parametrize(
    "script",
    [
        *later(f"printf '```json\\n%s\\n```\\n' {shlex.quote(ANSWER)} >$PEAL_RESULT"),
        f"printf '\\357\\273\\277%s' {shlex.quote(ANSWER)} >$PEAL_RESULT",
        *later(f"printf 'I did it.\\n\\n%s\\n' {shlex.quote(ANSWER)}"),
        f"printf 'I did it.\\n\\n```json\\n%s\\n```\\n' {shlex.quote(ANSWER)}",
        f"printf '%s' {shlex.quote(ANSWER.replace('phase_complete', 'PHASE_COMPLETE'))} >$PEAL_RESULT",
    ],
    ids=["fence in the file", "mark at the beginning", "reply", "fence in the reply", "capital letters"],
)
def test_a_result_may_come_in_other_forms(wishes: Wishes, script: str) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", script)

    wishes.run()

    assert wishes.calls == ["WRK-001/build"]
    assert wishes.item("WRK-001").summary == "it is {done}"


def test_a_phase_goes_on_part_by_part(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does(
        "build",
        'n=$(grep -c WRK "$OUT/calls"); echo x >"part-$n"; [ $n = 3 ] && { answer phase_complete; exit; }; answer subphase_complete "part $n"',
    )

    wishes.run()

    assert wishes.calls == ["WRK-001/build"] * 3
    assert sorted(path.name for path in wishes.repo.path.glob("part-*")) == ["part-1", "part-2", "part-3"]
    assert [end for _, _, end in wishes.worklog()] == ["Subphase Complete", "Subphase Complete", "Complete"]
    assert "part 1" in wishes.repo.git("log", "--format=%s")
    prompts = sorted(path.read_text() for path in wishes.out.glob("prompt-WRK-001-build-*"))
    assert any("part 2" in text for text in prompts)


@pytest.mark.parametrize("commits", [True, False])
def test_a_phase_that_tells_parts_and_changes_nothing_is_blocked_at_some_time(
    wishes: Wishes, commits: bool
) -> None:
    wishes.settings(f"commit = {_toml(commits)}\n[execution]\nmax_subphases = 3")
    wishes.put(ready("WRK-001"))
    wishes.does("build", "answer subphase_complete")

    said = wishes.run(code=1)

    assert len(wishes.calls) == 3
    assert "`build` has told 3 times in a row that a part is done, and changed nothing" in said
    assert wishes.statuses() == {"WRK-001": "blocked"}


@pytest.mark.parametrize("commits", [True, False])
def test_a_phase_may_tell_as_many_parts_as_change_something(wishes: Wishes, commits: bool) -> None:
    wishes.settings(f"commit = {_toml(commits)}\n[execution]\nmax_subphases = 2")
    wishes.put(ready("WRK-001"))
    counted = 'number=$(grep -c . "$OUT/calls"); '
    wishes.does(
        "build", f'{counted}[ $((number % 2)) = 1 ] || echo $number >made; answer subphase_complete "$number"'
    )

    wishes.run("--cap", "5")

    assert len(wishes.calls) == 5
    assert wishes.statuses() == {"WRK-001": "in_progress"}


def test_workflows_and_instructions_are_in_the_prompt(wishes: Wishes) -> None:
    wishes.repo.write("flows/a.md", "First look around.\n")
    wishes.repo.write("flows/b.md", "Then write it.\n")
    wishes.settings(
        feature={
            "phases": [
                {"name": "build", "workflows": ["flows/a.md", "flows/b.md"], "instructions": "Be short."}
            ]
        }
    )
    wishes.put(ready("WRK-001"))

    wishes.run()

    prompt = wishes.prompt("WRK-001-build")
    assert all(
        text in prompt for text in ("First look around.", "Then write it.", "`flows/b.md`", "Be short.")
    )


def test_a_workflow_that_is_missing_is_told_before_any_work(wishes: Wishes) -> None:
    wishes.settings(feature={"phases": [{"name": "build", "workflows": ["flows/none.md"]}]})
    wishes.put(ready("WRK-001"))

    assert "flows/none.md" in wishes.run(code=1)
    assert wishes.calls == []


@pytest.mark.parametrize("setting", ["block", *later("warn"), "ignore"])
def test_what_a_phase_rested_on_must_still_be_in_history(wishes: Wishes, setting: str) -> None:
    wishes.settings(feature={"phases": ["prd", {"name": "build", "staleness": setting}]})
    wishes.put(ready("WRK-001"))
    wishes.repo.git("commit", "--allow-empty", "-qm", "rested on")
    wishes.run("--cap", "1")
    item = wishes.repo.read("backlog/WRK-001.md")
    wishes.repo.git("reset", "-q", "--hard", "HEAD~2")
    wishes.repo.write("backlog/WRK-001.md", item)
    wishes.commit("as it was")

    said = wishes.run(code=1 if setting == "block" else 0)

    assert ("which the phase before rested on, is no longer in the history" in said) == (setting != "ignore")
    found = wishes.item("WRK-001")
    assert found.status == ("blocked" if setting == "block" else "done")
    if setting == "block":
        assert found.blocked
        assert found.blocked.type == "conflict"
        wishes.repo.peal("backlog", "unblock", "1")
        wishes.run()
        assert wishes.statuses() == {"WRK-001": "done"}


@pytest.mark.parametrize("length", [*later(40), 8])
def test_an_agent_may_say_what_its_work_rests_on(wishes: Wishes, length: int) -> None:
    wishes.settings(feature=TWO)
    wishes.put(ready("WRK-001"))
    commit = wishes.repo.git("rev-list", "--max-parents=0", "HEAD").strip()
    wishes.does("prd", f"""answer phase_complete ok '"based_on_commit": "{commit[:length]}"'""")

    wishes.run("--cap", "1")

    assert wishes.item("WRK-001").last_phase_commit == commit


@pytest.mark.parametrize("said", ["main", *later("the latest", "deadbeef")])
def test_what_is_no_commit_is_nothing_that_work_rests_on(wishes: Wishes, said: str) -> None:
    """Else the phase that comes next would be blocked for it."""
    wishes.settings(feature={"phases": ["prd", {"name": "build", "staleness": "block"}]})
    wishes.put(ready("WRK-001"))
    wishes.does("prd", f"""answer phase_complete ok '"based_on_commit": "{said}"'""")

    told = wishes.run()

    assert f"WRK-001: `{said}`, which it is said to rest on, is no commit here" in told
    assert wishes.statuses() == {"WRK-001": "done"}


def test_a_phase_that_is_a_command_is_decided_by_its_exit_status(wishes: Wishes) -> None:
    wishes.repo.write(
        "check.sh", '#!/bin/sh\necho "$PEAL_ITEM" >checked\nls passes && echo all good\n'
    ).chmod(0o755)
    wishes.settings(
        "[execution]\nmax_retries = 0",
        feature={"phases": ["prd", {"name": "check", "kind": "command", "command": "./check.sh"}]},
    )
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-002-prd", "touch passes; answer phase_complete")

    wishes.run()

    assert wishes.item("WRK-001").status == "blocked"
    assert (wishes.item("WRK-002").status, wishes.item("WRK-002").summary) == ("done", "all good")
    assert wishes.repo.read("checked") == "WRK-002\n"
    assert wishes.subjects()[0] == "[WRK-002][check] all good"


PLAN = """\
# How to build it

## Task 1: First

Write one.

## Task 2: Second (parallel)

Write two.

## Task 3: Third (parallel)

Write three.
"""
WRITES_PLAN = """mkdir -p changes/WRK-001_x; cat >changes/WRK-001_x/SPEC.md <<'END'
{}
END
answer phase_complete"""
TASK = """\
case "$PEAL_PHASE" in
  execute) cat >"$OUT/prompt-$PEAL_TASK" 2>/dev/null; echo "$PEAL_TASK" >>"$OUT/calls"; echo x >"file-${PEAL_TASK##*/}";;
esac
"""
BY_PLAN = {"phases": ["design", {"name": "build", "kind": "plan", "plan": "SPEC.md"}]}


@pytest.fixture
def planned(wishes: Wishes) -> Wishes:
    """A pipeline in which one phase writes a plan and the next one carries it out."""
    agent = wishes.out / "agent.sh"
    agent.write_text(
        GATE + 'if [ "$PEAL_PHASE" = execute ] || [ "$PEAL_PHASE" = plan ]; then\n'
        '  cat >"$OUT/task-prompt"; [ "$PEAL_PHASE" = plan ] && { echo "a plan"; exit; }\n'
        '  n=${PEAL_TASK##*/}; echo "$PEAL_TASK" >>"$OUT/calls"\n'
        '  if [ -e "$OUT/do-task-$n" ]; then . "$OUT/do-task-$n"; fi\n'
        '  echo x >"file-$n"; echo "did $n"; exit\nfi\n' + AGENT
    )
    wishes.settings(feature=BY_PLAN)
    wishes.put(ready("WRK-001", "X"))
    wishes.does("design", WRITES_PLAN.format(PLAN))
    return wishes


def test_a_phase_that_is_a_plan_is_carried_out_task_by_task(planned: Wishes) -> None:
    said = planned.run("--max-parallel", "2")

    assert planned.calls[:2] == ["WRK-001/design", "WRK-001/build/1"]
    assert sorted(planned.calls[2:]) == ["WRK-001/build/2", "WRK-001/build/3"]
    assert planned.item("WRK-001").status == "done"
    assert planned.item("WRK-001").summary == "3 tasks of `changes/WRK-001_x/SPEC.md` done"
    assert {f"file-{number}" for number in (1, 2, 3)} <= set(planned.repo.git("ls-files").split())
    assert planned.is_clean()
    assert "2 phases, 1 completed" in said


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("- [ ] T001 First\n- [ ] T002 [P] Second\n- [ ] T003 [P] Third", ["T001", "T002", "T003"]),
        *later(
            ("# P\n\n- [ ] First\n- [ ] Second\n", ["1", "2"]),
            ("## Tasks\n\n- [ ] 1. First\n- [x] 2. Second\n- [ ] 3. Third\n", ["1", "3"]),
        ),
    ],
)
def test_a_plan_may_have_any_format(planned: Wishes, text: str, tasks: list[str]) -> None:
    planned.does("design", WRITES_PLAN.format(text))

    planned.run()

    assert sorted(planned.calls[1:]) == [f"WRK-001/build/{task}" for task in tasks]
    assert planned.item("WRK-001").status == "done"


def test_a_plan_of_which_all_is_done_is_done(planned: Wishes) -> None:
    planned.does("design", WRITES_PLAN.format("# P\n\n- [x] First\n- [x] Second"))

    planned.run()

    assert planned.calls == ["WRK-001/design"]
    assert planned.statuses() == {"WRK-001": "done"}


def test_a_plan_is_ticked_as_its_tasks_land(planned: Wishes) -> None:
    planned.settings("tick = true", feature=BY_PLAN)
    planned.does("design", WRITES_PLAN.format("# P\n\n- [ ] First\n- [ ] Second"))

    planned.run()

    assert planned.repo.read("changes/WRK-001_x/SPEC.md") == "# P\n\n- [x] First\n- [x] Second\n"
    assert planned.is_clean()


SEQUENTIAL = "# P\n\n## Task 1: First\n\nx\n\n## Task 2: Second\n\ny\n\n## Task 3: Third\n\nz\n"


@pytest.mark.parametrize(("goes_on", "tasks"), [(False, "1"), (True, "123")])
def test_a_plan_ends_at_a_failure_as_one_that_is_run_by_itself(
    planned: Wishes, goes_on: bool, tasks: str
) -> None:
    """What comes after a failed task rests on it, unless the settings say that the others go on."""
    more = f"continue_with_remaining_tasks = {str(goes_on).lower()}"
    planned.settings(f"{more}\n[execution]\nmax_retries = 0", feature=BY_PLAN)
    planned.does("design", WRITES_PLAN.format(SEQUENTIAL))
    planned.does("task-1", "exit 1")

    planned.run(code=1)

    assert planned.calls[1:] == [f"WRK-001/build/{task}" for task in tasks]
    assert planned.statuses() == {"WRK-001": "blocked"}


def test_the_tasks_of_a_plan_come_before_items_that_are_less_far(planned: Wishes) -> None:
    planned.settings(feature=BY_PLAN, short=ONE)
    planned.does("design", WRITES_PLAN.format(SEQUENTIAL))
    planned.put(ready("WRK-001", "X", priority=5), new("WRK-002"), ready("WRK-003", pipeline="short"))

    planned.run("--cap", "3")

    tasks = [f"WRK-001/build/{task}" for task in (1, 2, 3)]
    assert planned.calls == ["WRK-001/design", *tasks, "WRK-003/build"]


@pytest.mark.parametrize(("command", "status"), [("close", "cancelled"), ("block", "blocked")])
def test_nothing_more_is_begun_of_a_plan_whose_item_is_closed_or_blocked(
    planned: Wishes, command: str, status: str
) -> None:
    planned.does("design", WRITES_PLAN.format(SEQUENTIAL))
    planned.does("task-1", "gate x")
    run = planned.start()
    eventually(lambda: planned.has_begun("x"))
    planned.repo.peal("backlog", command, "1", "--reason", "Not now.")
    planned.open("x")

    said = ended(run, 0 if command == "close" else 1)

    assert planned.calls == ["WRK-001/design", "WRK-001/build/1"]
    assert f"WRK-001/build: nothing more of its plan is begun, for its item is {status} now" in said
    assert "file-1" not in planned.repo.git("ls-files")
    if command == "close":
        assert "WRK-001/build/1: its item is cancelled now, so what was made for it does not land" in said
        planned.put(ready("WRK-002"))
        planned.run("--no-commit", code=1)  # its folder has no plan; nothing of before is in the way
    else:
        planned.repo.peal("backlog", "unblock", "1")
        planned.run()
        assert planned.calls.count("WRK-001/build/1") == 1
        assert planned.statuses() == {"WRK-001": "done"}


@pytest.mark.parametrize(
    "words",
    [
        *later((("triage",),)),
        ("run", "--target", "2"),
        *later((("run", "--only", "tag=x"),), (("run", "--cap", "0"),)),
    ],
)
def test_a_plan_that_was_broken_off_goes_on_when_its_item_is_asked_for(
    planned: Wishes, words: tuple[str, ...]
) -> None:
    planned.settings(feature=BY_PLAN, short=ONE)
    planned.put(ready("WRK-001", "X"), new("WRK-002", pipeline="short", tags=("x",)))
    planned.does("design", WRITES_PLAN.format(SEQUENTIAL))
    planned.does("task-2", 'touch "$OUT/begun-x"; sleep 900')
    run = planned.start("--target", "1")
    eventually(lambda: planned.has_begun("x"))
    run.send_signal(signal.SIGINT)
    run.wait(20)
    planned.usual("task-2")

    planned.run(*words[1:], command=words[0])

    assert "WRK-001/build/3" not in planned.calls
    planned.run("--target", "1")
    assert planned.calls.count("WRK-001/build/1") == 1
    assert planned.statuses()["WRK-001"] == "done"


def test_a_plan_may_lie_deeper_in_the_items_folder(planned: Wishes) -> None:
    plan = {"name": "build", "kind": "plan", "plan": "*/SPEC.md"}
    planned.settings(feature={"phases": ["design", plan]})
    planned.does(
        "design",
        "mkdir -p changes/WRK-001_x/a; printf '# P\\n\\n- [ ] First\\n' >changes/WRK-001_x/a/SPEC.md; answer phase_complete",
    )

    planned.run()

    assert planned.calls == ["WRK-001/design", "WRK-001/build/1"]
    assert planned.statuses() == {"WRK-001": "done"}


def test_a_rehearsal_takes_a_plan_that_is_still_to_be_written_for_one_step(planned: Wishes) -> None:
    said = planned.run("--dry-run")

    assert "WRK-001/build: `changes/WRK-001_x/SPEC.md` is not written yet, so it is one task here" in said
    assert "blocked" not in said.replace("0 blocked", "")
    planned.put(new("WRK-001", "X", status="in_progress", phase="build", pool="main"))
    assert "and none is there" in planned.run("--dry-run", code=1)
    assert planned.calls == []


@pytest.mark.parametrize("is_ticked", [False, True])
def test_a_plan_whose_phase_is_over_is_carried_out_anew_when_its_item_is_put_back(
    planned: Wishes, is_ticked: bool
) -> None:
    """Where its tasks are ticked in the plan itself, it says that nothing is left to do."""
    plan = {"name": "build", "kind": "plan", "plan": "SPEC.md"}
    planned.settings("tick = true" if is_ticked else "", feature={"phases": ["design", plan, "check"]})
    planned.does("design", WRITES_PLAN.format("# P\n\n- [ ] First\n- [ ] Second"))
    planned.run("--cap", "2")
    planned.repo.peal("backlog", "advance", "1", "--to", "build")

    planned.run()

    assert planned.calls.count("WRK-001/build/1") == (1 if is_ticked else 2)
    assert planned.calls.count("WRK-001/build/2") == (1 if is_ticked else 2)
    assert planned.statuses() == {"WRK-001": "done"}


def test_a_task_of_a_plan_that_is_for_a_person_waits_until_it_is_marked_as_done(planned: Wishes) -> None:
    plan = {"name": "build", "kind": "plan", "plan": "plan.md"}
    planned.settings(feature={"phases": ["design", plan]})
    text = "# Plan\n\n## Phase 1: All\n\n- [ ] Task: Conductor - User Manual Verification 'All'\n- [ ] Task: Other\n"
    planned.does("design", WRITES_PLAN.format(text).replace("SPEC.md", "plan.md"))

    said = planned.run(code=4)

    file = "changes/WRK-001_x/plan.md"
    assert f"mark it as done in `{file}`, commit that, and `peal backlog run`" in said
    planned.repo.write(file, text.replace("- [ ] Task: Conductor", "- [x] Task: Conductor"))
    planned.commit("verified")
    planned.run()
    assert planned.statuses() == {"WRK-001": "done"}


def test_a_second_run_is_held_by_the_same_edit(planned: Wishes) -> None:
    """The plan is done, its item cannot be written: that is so in the next run too."""
    planned.does("task-1", "gate x")
    run = planned.start()
    eventually(lambda: planned.has_begun("x"))
    edit(planned, "WRK-001")
    planned.open("x")
    ended(run, 4)

    planned.run(code=4)

    planned.commit("more")
    planned.run()
    assert planned.statuses() == {"WRK-001": "done"}
    assert planned.calls.count("WRK-001/build/1") == 1


def test_boxes_that_agents_tick_in_the_plan_of_an_item_never_clash(planned: Wishes) -> None:
    lines = [f"- [ ] T00{number} [P] Number {number}" for number in (1, 2, 3)]
    planned.does("design", WRITES_PLAN.format("# P\n\n" + "\n".join(lines)))
    for number in (1, 2, 3):
        planned.does(
            f"task-T00{number}",
            f'sed -i.bak "s/\\[ \\] T00{number}/[x] T00{number}/" changes/WRK-001_x/SPEC.md; rm changes/WRK-001_x/*.bak; '
            f'touch "$OUT/at-{number}"; until [ -e "$OUT/at-1" ] && [ -e "$OUT/at-2" ] && [ -e "$OUT/at-3" ]; do sleep 0.02; done',
        )

    planned.run("--max-parallel", "3")

    assert planned.repo.read("changes/WRK-001_x/SPEC.md").count("[x]") == 3
    assert len(planned.calls) == 4


def test_a_task_of_a_plan_that_fails_blocks_the_item_and_others_go_on(planned: Wishes) -> None:
    planned.settings("continue_with_remaining_tasks = true\n[execution]\nmax_retries = 0", feature=BY_PLAN)
    planned.does("task-2", "exit 1")
    planned.put(ready("WRK-001", "X"), ready("WRK-002"))
    planned.does(
        "WRK-002-design",
        "mkdir -p changes/WRK-002_a; printf '# P\n\n- [ ] First\n' >changes/WRK-002_a/SPEC.md; answer phase_complete",
    )

    planned.run()

    item = planned.item("WRK-001")
    assert item.blocked
    assert "1 task of `changes/WRK-001_x/SPEC.md` not done" in item.blocked.reason
    assert planned.item("WRK-002").status == "done"
    planned.usual("task-2")
    planned.repo.peal("backlog", "unblock", "1")
    planned.run()
    assert planned.statuses()["WRK-001"] == "done"
    assert planned.calls.count("WRK-001/build/1") == 1
    assert planned.calls.count("WRK-001/build/2") == 2


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("answer phase_complete", "the phase wants one plan `changes/WRK-001_x/SPEC.md`, and none is there"),
        (WRITES_PLAN.format("## Task 1: a\n\nx\n\n## Task 1: b\n\ny"), "SPEC.md` line 5"),
        *later((WRITES_PLAN.format("no tasks at all"), "SPEC.md")),
    ],
)
def test_a_plan_that_is_not_there_or_is_wrong_blocks_its_item(
    planned: Wishes, script: str, told: str
) -> None:
    planned.does("design", script)

    planned.run(code=1)

    item = planned.item("WRK-001")
    assert item.blocked
    assert told in item.blocked.reason
    assert item.blocked.before == "in_progress"
    planned.repo.write("changes/WRK-001_x/SPEC.md", "# P\n\n- [ ] First\n")
    planned.commit("mended")
    planned.repo.peal("backlog", "unblock", "1")
    planned.run()
    assert planned.statuses() == {"WRK-001": "done"}


@pytest.mark.parametrize("how", [signal.SIGKILL, *later(signal.SIGINT)])
def test_a_plan_is_gone_on_with_in_its_middle(planned: Wishes, how: signal.Signals) -> None:
    planned.does("task-2", 'touch "$OUT/begun-x"; sleep 900')
    run = planned.start()
    eventually(lambda: planned.has_begun("x"))
    run.send_signal(how)
    run.wait(20)

    planned.usual("task-2")
    planned.run()

    assert sorted(planned.calls) == [
        "WRK-001/build/1",
        "WRK-001/build/2",
        "WRK-001/build/2",
        "WRK-001/build/3",
        "WRK-001/design",
    ]
    assert planned.item("WRK-001").status == "done"
    assert planned.is_clean()


def test_a_command_that_can_be_carried_out_does_not_say_that_agents_work(wishes: Wishes) -> None:
    """A machine on which no agent answers burns two items, and not all of them."""
    check = {"name": "check", "kind": "command", "command": "true"}
    wishes.settings("[execution]\nmax_retries = 0", feature={"phases": [check, "build"]})
    wishes.put(*(ready(f"WRK-00{number}") for number in range(1, 6)))
    wishes.does("build", "exit 1")

    said = wishes.run(code=3)

    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]
    assert "2 failures in a row to get an answer from an agent" in said


def test_an_agent_that_cannot_be_started_for_the_tasks_of_plans_ends_the_run(wishes: Wishes) -> None:
    """Leaving a blocked target behind changes nothing about the machine."""
    gone = wishes.out / "gone"
    gone.write_text("#!/bin/sh\n")
    gone.chmod(0o755)
    plan = {"name": "build", "kind": "plan", "plan": "SPEC.md", "agent": "gone"}
    told = f"[execution]\nmax_retries = 0\n[agents.gone]\ncommand = {_toml(str(gone))}"
    wishes.settings(f"auto_advance = true\n{told}", feature={"phases": [plan]}, first={"phases": ["check"]})
    ids = [f"WRK-00{number}" for number in range(1, 6)]
    for id_ in ids:
        wishes.repo.write(f"changes/{id_}_x/SPEC.md", SEQUENTIAL)
    wishes.put(ready("WRK-009", pipeline="first"), *(ready(id_, "X", pipeline="feature") for id_ in ids))
    wishes.does("check", f"rm {gone}; answer phase_complete")

    said = wishes.run(*(word for id_ in ("WRK-009", *ids) for word in ("--target", id_)), code=3)

    assert "2 failures in a row to get an answer from an agent" in said
    assert [id_ for id_, status in wishes.statuses().items() if status == "blocked"] == ids[:2]


def test_what_has_clashed_is_carried_out_anew_before_others_begin(wishes: Wishes) -> None:
    """Others could come for ever, and it keeps a place in progress."""
    wishes.settings("[execution]\nmax_wip = 2\nmax_concurrent = 2")
    wishes.put(*(ready(f"WRK-00{number}") for number in range(1, 7)))
    for number in (1, 2):
        wishes.does(
            f"WRK-00{number}-build",
            f'echo {number} >clash; touch "$OUT/at-{number}"; '
            'until [ -e "$OUT/at-1" ] && [ -e "$OUT/at-2" ]; do sleep 0.02; done; answer phase_complete',
        )

    wishes.run()

    twice = next(one for one in wishes.calls if wishes.calls.count(one) == 2)
    anew = len(wishes.calls) - 1 - wishes.calls[::-1].index(twice)
    assert anew < wishes.calls.index("WRK-005/build")  # one or two have begun before it was known
    assert set(wishes.statuses().values()) == {"done"}


def test_what_a_person_brings_in_as_done_is_not_completed_by_the_run(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", "gate x; answer blocked no")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    wishes.repo.write("backlog/archive/WRK-050.md", item_file.written(new("WRK-050", status="done")).decode())
    wishes.commit("as a pull brings it")
    wishes.open("x")

    said = ended(run, 1)

    assert "0 completed, 1 blocked" in said


def test_what_is_unblocked_again_during_a_run_is_not_told_as_blocked(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001", priority=2), ready("WRK-002"), ready("WRK-003"))
    wishes.does("WRK-001-build", "gate x; answer phase_complete")
    wishes.does("WRK-002-build", "gate y; answer subphase_complete")
    run = wishes.start("--cap", "2")
    eventually(lambda: wishes.has_begun("x"))
    wishes.repo.peal("backlog", "block", "3", "--reason", "Hm.")
    wishes.open("x")
    eventually(lambda: wishes.has_begun("y"))
    wishes.repo.peal("backlog", "unblock", "3")
    wishes.open("y")

    said = ended(run, 0)

    assert "1 completed, 0 blocked" in said


# --- A person beside the run


def edit(wishes: Wishes, id_: str) -> None:
    """A person writes into an item's file."""
    file = wishes.repo.path / f"backlog/{id_}.md"
    file.write_text(file.read_text() + "\nMore of it.\n")


@pytest.fixture
def at_work(wishes: Wishes) -> Process:
    """A run whose agent waits at gate `x` in the first of two items."""
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-001-build", "echo x >made; gate x; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    return run


def test_an_item_that_is_edited_during_its_phase_is_held_and_goes_on_after_a_commit(
    wishes: Wishes, at_work: Process
) -> None:
    edit(wishes, "WRK-001")
    wishes.open("x")

    said = ended(at_work, 4)

    assert "your own `backlog/WRK-001.md` would be overwritten" in said
    assert wishes.item("WRK-002").status == "done"
    assert wishes.item("WRK-001").status == "ready"
    assert wishes.repo.git("status", "--porcelain").splitlines() == [" M backlog/WRK-001.md"]
    wishes.commit("more")
    wishes.run()
    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]
    assert wishes.item("WRK-001").status == "done"
    assert "More of it." in wishes.item("WRK-001").text
    assert wishes.is_clean()


def test_a_task_of_a_plan_that_is_held_is_no_failure(planned: Wishes) -> None:
    planned.settings(feature=BY_PLAN, short=ONE)
    planned.put(ready("WRK-001", "X"), ready("WRK-002", pipeline="short"))
    planned.does("task-1", "echo theirs >README.md")
    planned.repo.write("README.md", "mine\n")

    said = planned.run(code=4)

    assert "`WRK-001/build/1` held: " in said
    assert planned.statuses() == {"WRK-001": "in_progress", "WRK-002": "done"}
    planned.repo.git("checkout", "-q", "README.md")
    planned.run()
    assert planned.calls.count("WRK-001/build/1") == 1
    assert planned.statuses() == {"WRK-001": "done", "WRK-002": "done"}
    assert planned.is_clean()


def test_what_was_made_for_an_item_that_was_closed_meanwhile_holds_nothing_up(
    wishes: Wishes, at_work: Process
) -> None:
    """It is told and kept, and neither the next run nor one elsewhere has to make anything of it."""
    wishes.repo.peal("backlog", "close", "1", "--reason", "No more.")
    wishes.open("x")

    said = ended(at_work, 0)

    assert "WRK-001/build: its item is cancelled now, so what was made for it does not land; commit" in said
    assert wishes.statuses() == {"WRK-001": "cancelled", "WRK-002": "done"}
    assert "made" not in wishes.repo.git("ls-files").split()
    wishes.put(ready("WRK-003"))
    wishes.repo.git("switch", "-qc", "other")
    wishes.run()
    wishes.put(ready("WRK-004"))
    wishes.run("--no-commit")
    assert wishes.statuses()["WRK-004"] == "done"
    (kept,) = (ref for ref in branches(wishes.repo) if ref.startswith("peal/"))
    assert wishes.repo.git("show", f"{kept}:made") == "x\n"
    assert "UNLANDED_BRANCH" in wishes.repo.peal("doctor", code=None).stdout


def test_an_item_that_is_sent_back_during_a_phase_has_one_phase_at_a_time(wishes: Wishes) -> None:
    """What that phase has made is about an item as it was before: it does not land."""
    wishes.settings("[execution]\nmax_concurrent = 2", feature=TWO)
    wishes.put(ready("WRK-001"))
    wishes.does(
        "build",
        'echo x >>built; case $PEAL_ATTEMPT in 1) gate x ;; esac; echo "$PEAL_ATTEMPT" >which; answer phase_complete',
    )
    wishes.does(
        "prd", '[ -e "$OUT/go-x" ] || [ ! -e "$OUT/begun-x" ] || echo >"$OUT/both"; answer phase_complete'
    )
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    wishes.repo.peal("backlog", "advance", "1", "--to", "prd")
    wishes.open("x")

    said = ended(run, 0)

    assert not (wishes.out / "both").exists()
    assert "WRK-001/build: its item is at `prd` now, so what was made for it does not land" in said
    assert wishes.calls == [f"WRK-001/{phase}" for phase in ("prd", "build", "prd", "build")]
    assert (wishes.repo.read("built"), wishes.repo.read("which")) == ("x\n", "2\n")


def test_an_open_item_in_the_archive_is_not_worked_on(wishes: Wishes) -> None:
    wishes.put(ready("WRK-002"))
    wishes.repo.write("backlog/archive/WRK-001.md", item_file.written(ready("WRK-001")).decode())
    wishes.commit("an open one in the archive")

    said = wishes.run("--explain")

    assert wishes.calls == ["WRK-002/build"]
    assert "its file is in the archive, where nobody works on it" in said


@pytest.mark.parametrize("how", [*later("edited"), "deleted"])
def test_an_item_that_is_edited_while_it_waits_for_a_place_is_not_begun(wishes: Wishes, how: str) -> None:
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.does("WRK-001-build", "gate x; answer phase_complete")
    run = wishes.start("--max-parallel", "1")
    eventually(lambda: wishes.has_begun("x"))
    if how == "edited":
        edit(wishes, "WRK-002")
    else:
        (wishes.repo.path / "backlog/WRK-002.md").unlink()
    wishes.open("x")

    said = ended(run, 0)

    assert wishes.calls == ["WRK-001/build", "WRK-003/build"]
    assert "WRK-002 is not begun" in said


def test_a_new_item_that_cannot_be_committed_is_held(wishes: Wishes) -> None:
    """It is in nobody's branch yet, and open all the same."""
    hook = wishes.repo.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    wishes.put(ready("WRK-001"), commits=False)

    said = wishes.run(code=4)

    assert "WRK-001 is not begun" in said
    assert "item `WRK-001` is held for what was told above" in said
    assert wishes.calls == []


def test_the_worklog_is_peals(wishes: Wishes) -> None:
    """What a phase has made of it is taken back, and told."""
    wishes.settings(feature=TWO)
    wishes.put(ready("WRK-001"))
    wishes.does(
        "build",
        "rm -r _worklog; mkdir _worklog; echo x >_worklog/2020-01.md; echo x >made; answer phase_complete",
    )

    said = wishes.run()

    (page,) = wishes.repo.path.glob("_worklog/*.md")
    assert f"WRK-001/build: `_worklog/{page.name}` is as it was" in said
    assert "WRK-001/build: `_worklog/2020-01.md` is as it was" in said
    assert [phase for _, phase, _ in wishes.worklog()] == ["prd", "build"]
    assert wishes.repo.read("made") == "x\n"


def test_a_plan_whose_item_is_blocked_and_unblocked_meanwhile_goes_on(planned: Wishes) -> None:
    planned.does("design", WRITES_PLAN.format(SEQUENTIAL))
    planned.does("task-1", "gate x")
    planned.put(ready("WRK-001", "X"), ready("WRK-002", pipeline="short", priority=-1))
    planned.settings("[execution]\nmax_concurrent = 2\nmax_wip = 2", feature=BY_PLAN, short=ONE)
    planned.does("WRK-002-build", "gate y; answer phase_complete")
    run = planned.start()
    eventually(lambda: planned.has_begun("x") and planned.has_begun("y"))
    planned.repo.peal("backlog", "block", "1", "--reason", "Hm.")
    planned.open("y")  # a decision is made in which it is blocked
    eventually(lambda: planned.statuses()["WRK-002"] == "done")
    planned.repo.peal("backlog", "unblock", "1")
    planned.open("x")

    ended(run, 0)

    assert planned.statuses() == {"WRK-001": "done", "WRK-002": "done"}
    assert planned.calls.count("WRK-001/build/1") == 1


def test_a_workflow_that_is_gone_during_a_run_holds_the_items_that_need_it(wishes: Wishes) -> None:
    """The others go on, and what waits for its landing needs it no more."""
    wishes.repo.write("how.md", "Do it well.\n")
    wishes.settings(feature={"phases": ["a", {"name": "b", "workflows": ["how.md"]}]}, short=ONE)
    wishes.put(ready("WRK-001", priority=5), ready("WRK-002", pipeline="short"))
    wishes.does("a", "gate x; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    (wishes.repo.path / "how.md").unlink()
    wishes.open("x")

    said = ended(run, 0)

    assert "WRK-001 is not begun: workflow `how.md` cannot be read" in said
    assert wishes.statuses() == {"WRK-001": "in_progress", "WRK-002": "done"}


def test_an_edit_that_is_committed_during_the_phase_holds_nothing(wishes: Wishes, at_work: Process) -> None:
    edit(wishes, "WRK-001")
    wishes.commit("more")
    wishes.open("x")

    ended(at_work, 0)

    assert "More of it." in wishes.item("WRK-001").text
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_a_new_file_that_is_not_committed_is_committed_by_itself(wishes: Wishes) -> None:
    wishes.repo.write("notes.txt", "mine")
    wishes.repo.write("staged.txt", "mine")
    wishes.repo.git("add", "staged.txt")
    wishes.put(new("WRK-001", "By hand"), commits=False)

    wishes.run()

    assert "[WRK-001] add: By hand" in wishes.subjects()
    assert wishes.statuses() == {"WRK-001": "done"}
    assert wishes.repo.git("status", "--porcelain").splitlines() == ["A  staged.txt", "?? notes.txt"]


def test_items_that_come_and_change_in_the_middle_of_a_run_count(wishes: Wishes, at_work: Process) -> None:
    wishes.repo.peal("backlog", "add", "Added meanwhile")
    wishes.put(new("WRK-004", "By hand", status="ready", priority=7), commits=False)
    wishes.repo.peal("backlog", "block", "2", "--reason", "Wait")
    wishes.open("x")

    said = ended(at_work, 0)

    assert wishes.calls == ["WRK-001/build", "WRK-004/build", "WRK-003/triage", "WRK-003/build"]
    assert wishes.statuses()["WRK-002"] == "blocked"
    assert "3 completed, 1 blocked" in said
    assert wishes.is_clean()


def test_an_item_that_is_unblocked_in_the_middle_of_a_run_goes_on_in_it(
    wishes: Wishes, at_work: Process
) -> None:
    wishes.repo.peal("backlog", "block", "2", "--reason", "Wait")
    wishes.repo.peal("backlog", "unblock", "2", "--notes", "Now")
    wishes.open("x")

    ended(at_work, 0)

    assert "Now" in wishes.prompt("WRK-002-build")


def test_another_branch_checked_out_in_the_middle_gets_nothing(wishes: Wishes, at_work: Process) -> None:
    wishes.repo.git("switch", "-qc", "other")
    wishes.open("x")

    said = ended(at_work, 4)

    assert "`other` is checked out, not `main`" in said
    wishes.repo.git("switch", "-q", "main")
    wishes.run()
    assert wishes.calls.count("WRK-001/build") == 1
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_a_new_file_is_committed_on_no_other_branch_than_the_runs_own(
    wishes: Wishes, at_work: Process
) -> None:
    wishes.repo.git("switch", "-qc", "other")
    wishes.put(ready("WRK-005"), commits=False)
    wishes.open("x")

    ended(at_work, 4)

    assert wishes.repo.git("diff", "--name-only", "main", "other") == ""
    assert not {one for one in wishes.calls if one.startswith("WRK-005")}
    assert wishes.repo.git("status", "--porcelain").split() == ["??", "backlog/WRK-005.md"]
    wishes.repo.git("switch", "-q", "main")
    wishes.run()
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done", "WRK-005": "done"}


def test_a_branch_that_is_switched_in_the_last_moment_gets_no_new_file(wishes: Wishes) -> None:
    """Between the look at new files and their commit others may land, which takes a while."""
    wishes.put(ready("WRK-001"), commits=False)
    repo = wishes.repo.path
    repo_paths = RepoPaths(repo)
    slots = Slots(repo, repo_paths.worktrees)
    pool = pool_of(repo_paths, repo / "backlog", load(repo, {}), None, slots)
    assert pool
    items = ItemsOfBranch(pool, repo_paths, BlobItems(repo / "backlog", "backlog"), hooks=True)
    (found,) = items.new()
    wishes.repo.git("switch", "-qc", "other")

    why = items.save_new(found)

    assert why == "its file is not committed, and `main` is not checked out; `git switch main`"
    assert items.new() == ()
    assert wishes.repo.git("status", "--porcelain").split() == ["??", "backlog/WRK-001.md"]


def test_a_new_file_waits_for_a_merge_that_a_person_is_in_the_middle_of(
    wishes: Wishes, at_work: Process
) -> None:
    wishes.repo.git("switch", "-qc", "side")
    wishes.repo.write("side.txt", "mine")
    wishes.commit("side")
    wishes.repo.git("switch", "-q", "main")
    wishes.repo.git("merge", "--no-ff", "--no-commit", "side")
    wishes.put(ready("WRK-005"), commits=False)
    wishes.open("x")

    said = ended(at_work, 4)

    assert "WRK-005 is not begun: a merge is under way" in said
    wishes.repo.git("commit", "-qm", "merged")
    wishes.run()
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done", "WRK-005": "done"}


def test_commits_of_the_person_beside_a_run_hinder_nothing(wishes: Wishes, at_work: Process) -> None:
    wishes.repo.write("mine.txt", "mine")
    wishes.commit("mine")
    wishes.open("x")

    ended(at_work, 0)

    assert {"made", "mine.txt"} <= set(wishes.repo.git("ls-files").split())
    assert wishes.is_clean()


def test_an_item_that_is_added_while_a_follow_up_lands_has_an_id_of_its_own(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", """echo x >made; answer phase_complete ok '"follow_ups": ["Later"]'""")
    hook(
        wishes,
        "pre-commit",
        '[ -e "$OUT/begun-hook" ] && exit; touch "$OUT/begun-hook"; until [ -e "$OUT/go-hook" ]; do sleep 0.02; done',
    )
    run = wishes.start("--target", "1")
    eventually(lambda: wishes.has_begun("hook"))
    wishes.repo.peal("backlog", "add", "Mine")
    wishes.open("hook")

    ended(run, 0)

    assert (wishes.item("WRK-002").title, wishes.item("WRK-003").title) == ("Mine", "Later")
    assert wishes.calls == ["WRK-001/build"]
    assert wishes.is_clean()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WRK-004-mine.md", item_file.written(new("WRK-004")).decode()),
        ("mine.md", item_file.written(new("WRK-004")).decode()),
        ("archive/mine.md", item_file.written(new("WRK-004", status="done")).decode()),
        ("WRK-004-half.md", "---\nid: WRK"),
    ],
    ids=["an_item", "one_in_a_file_of_another_name", "one_in_the_archive", "a_broken_one"],
)
def test_a_follow_up_has_an_id_that_no_file_has_which_is_not_committed(
    wishes: Wishes, name: str, text: str
) -> None:
    wishes.put(ready("WRK-001"))
    wishes.repo.write(f"backlog/{name}", text)
    wishes.does("build", """echo x >made; answer phase_complete ok '"follow_ups": ["Later"]'""")

    wishes.run("--target", "1")

    assert wishes.item("WRK-005").title == "Later"
    assert wishes.repo.read(f"backlog/{name}") == text


def test_an_item_whose_file_is_gone_and_not_committed_so_is_held(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    (wishes.repo.path / "backlog/WRK-001.md").unlink()

    assert "held: WRK-001" in wishes.run(code=4)
    assert wishes.calls == []
    assert wishes.repo.git("status", "--porcelain").splitlines() == [" D backlog/WRK-001.md"]


@pytest.mark.parametrize(
    ("text", "told", "commits"),
    sample(
        {
            f"{name}-{commits}": (text, told, commits)
            for name, text, told in (
                ("broken", "---\nid: WRK-002\ntitle: [\n---\n", "backlog/x.md"),
                ("twice", "---\nid: WRK-002\ntitle: Twice\nstatus: ready\n---\n", "WRK-002"),
                ("pipeline", "---\nid: WRK-007\ntitle: Off\nstatus: ready\npipeline: none\n---\n", "WRK-007"),
                ("phase", "---\nid: WRK-007\ntitle: Off\nstatus: scoping\nphase: none\n---\n", "WRK-007"),
            )
            for commits in (True, False)
        },
        "broken-True",
        "phase-False",
    ),
)
def test_a_file_with_a_mistake_in_the_middle_of_a_run_ends_nothing(
    wishes: Wishes, at_work: Process, text: str, told: str, commits: bool
) -> None:
    wishes.repo.write("backlog/x.md", text)
    if commits:
        wishes.commit("mistake")
    wishes.open("x")

    said, _ = at_work.communicate(timeout=60)

    assert at_work.returncode in (0, 4), said
    assert wishes.item("WRK-001").status == "done"
    assert "Traceback" not in said
    if commits:
        assert told in said + wishes.run(code=None)


def test_an_id_that_two_files_have_is_not_worked_on_until_one_has_another(
    wishes: Wishes, at_work: Process
) -> None:
    wishes.repo.write("backlog/x.md", item_file.written(ready("WRK-002", "Twice")).decode())
    wishes.commit("twice")
    wishes.open("x")

    said = ended(at_work, 0)

    assert wishes.calls == ["WRK-001/build"]
    assert "are both WRK-002; give one of them another id" in said
    wishes.repo.write("backlog/x.md", item_file.written(ready("WRK-003", "Twice")).decode())
    wishes.commit("mended")
    wishes.run()
    assert wishes.statuses() == {f"WRK-00{number}": "done" for number in (1, 2, 3)}


def test_an_edited_worklog_gets_its_entries_later(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.run()
    (page,) = wishes.repo.path.glob("_worklog/*.md")
    before = page.read_text()
    page.write_text(before + "mine\n")
    wishes.put(ready("WRK-002"), commits=False)
    wishes.repo.git("add", "backlog")
    wishes.repo.git("commit", "-qm", "two", "--", "backlog")

    said = wishes.run()

    assert "has changes of yours; the entry comes with a later landing" in said
    assert page.read_text() == before + "mine\n"
    assert wishes.item("WRK-002").status == "done"
    wishes.commit("mine")
    wishes.put(ready("WRK-003"))
    wishes.run()
    assert wishes.worklog() == [(f"WRK-00{number}", "build", "Complete") for number in (1, 2, 3)]
    assert "mine\n" in page.read_text()
    assert wishes.is_clean()


def test_entries_that_several_leave_out_of_the_worklog_at_once_are_all_kept(tmp_path: Path) -> None:
    left_out = LeftOut(tmp_path / "left-out.json")
    entries = [Entry("2026-01-02T00:00:00Z", f"WRK-{number:03}", "A wish", ()) for number in range(32)]
    left_out.change((), entries[:16])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: left_out.change(entries[:number], [entries[16 + number]]), range(16)))

    assert sorted(one.item for one in left_out.read()) == [one.item for one in entries[15:]]


@pytest.mark.parametrize("answer", ["answer phase_complete", *later(BLOCKS)])
def test_a_lock_that_git_holds_loses_nothing(wishes: Wishes, answer: str) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", f"gate x; echo x >made; {answer}")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("x"))
    lock = wishes.repo.path / ".git/index.lock"
    lock.touch()
    wishes.open("x")
    eventually(lambda: wishes.repo.recorded("StepEnded"))
    lock.unlink()

    said, _ = run.communicate(timeout=60)

    if run.returncode == 4:
        assert "index.lock" in said
        wishes.run(code=0 if answer != BLOCKS else 1)
    assert wishes.item("WRK-001").status == ("done" if answer != BLOCKS else "blocked"), said
    assert wishes.calls == ["WRK-001/build"]
    assert wishes.is_clean()


def hook(wishes: Wishes, name: str, text: str) -> Path:
    """A hook of the person's."""
    file = wishes.repo.path / f".git/hooks/{name}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_an_item_whose_landing_a_hook_refuses_is_blocked(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    hook(wishes, "pre-commit", "! git diff --cached --name-only | grep -q WRK-001-build || exit 1")

    said = wishes.run(code=1)

    assert "hook pre-commit" in str(wishes.item("WRK-001").blocked), said
    assert not (wishes.repo.path / "WRK-001-build").exists()
    assert wishes.is_clean()


def test_a_hook_that_refuses_everything_loses_nothing(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    refusing = hook(wishes, "pre-commit", "echo never >&2; exit 1")

    wishes.run(code=None)
    refusing.unlink()
    wishes.run(code=None)

    assert wishes.statuses()["WRK-001"] in ("done", "blocked")
    assert wishes.is_clean()


# --- However a run ends, the next one goes on


def assert_agrees(wishes: Wishes, items: int, *phases: str) -> None:
    """Every phase of every item is in the branch once, in the worklog once, and the item is done."""
    ids = [f"WRK-00{number}" for number in range(1, items + 1)]
    told = [subject.partition(" ")[0] for subject in wishes.subjects()]
    assert wishes.statuses() == dict.fromkeys(ids, "done")
    assert sorted(one for one in told if one.count("[") == 2) == [
        f"[{id_}][{phase}]" for id_ in ids for phase in phases
    ]
    assert sorted(wishes.worklog()) == [(id_, phase, "Complete") for id_ in ids for phase in phases]
    assert wishes.is_clean()
    assert branches(wishes.repo) == []


@pytest.mark.parametrize(
    ("number", "again"),
    [
        *later((signal.SIGKILL, ("backlog", "run"))),
        (signal.SIGKILL, ("resume",)),
        (signal.SIGINT, ("resume",)),
        *later((signal.SIGTERM, ("backlog", "run")), (signal.SIGHUP, ("backlog", "run"))),
    ],
)
def test_a_run_that_is_ended_while_agents_work_goes_on(
    wishes: Wishes, number: signal.Signals, again: tuple[str, ...]
) -> None:
    wishes.settings("[execution]\nmax_wip = 2\nmax_concurrent = 2", feature={"phases": ["a", "b"]})
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("b", "echo half >half-$id; gate $id; answer phase_complete")
    run = wishes.start()
    eventually(lambda: wishes.has_begun("WRK-001") and wishes.has_begun("WRK-002"))

    run.send_signal(number)

    assert run.wait(20) == (-9 if number == signal.SIGKILL else 128 + number)
    assert wishes.is_clean()
    wishes.usual("b")
    wishes.repo.peal(*again)
    assert sorted(wishes.calls) == [
        f"WRK-00{number}/{phase}" for number in (1, 2) for phase in ("a", "b", "b")
    ]
    assert_agrees(wishes, 2, "a", "b")


@pytest.mark.parametrize("cut", [1, 2])
def test_a_run_that_is_killed_between_a_landing_and_its_journal_does_nothing_twice(
    wishes: Wishes, cut: int
) -> None:
    wishes.settings(feature={"phases": ["a", "b"]})
    wishes.put(ready("WRK-001"))
    wishes.run("--cap", str(cut))
    journal = wishes.repo.memory() / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    place = max(place for place, line in enumerate(lines) if '"StepEnded"' in line and '"land"' in line)
    journal.write_text("".join(lines[:place]))
    (wishes.repo.memory() / "state.json").unlink()

    wishes.run()

    assert wishes.calls == ["WRK-001/a", "WRK-001/b"]
    assert_agrees(wishes, 1, "a", "b")


@pytest.mark.parametrize("has_verdict", [True, False])
def test_a_phase_whose_commit_was_made_and_not_recorded_lands_with_its_state_or_not_at_all(
    wishes: Wishes, has_verdict: bool
) -> None:
    """Without its answer the change would land and its item stay: where that is lost too, the phase is done anew."""
    wishes.settings(feature={"phases": ["a"]})
    wishes.put(ready("WRK-001"))
    wishes.does("a", 'echo line >>"$id-$phase"; answer phase_complete')
    wishes.run()
    repo, paths = wishes.repo, RepoPaths(wishes.repo.path)
    journal = repo.memory() / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if '"StepEnded"' in line and '"phase":"a"' in line)
    journal.write_text("".join(lines[:place]))
    (repo.memory() / "state.json").unlink()
    branch = f"peal/{paths.branch(repo.path / 'backlog')}/{file_name(TaskId('WRK-001/a'))}"
    repo.git("branch", branch, "HEAD^2")
    repo.git("reset", "-q", "--hard", "HEAD^1")
    if not has_verdict:
        for verdict in (repo.memory() / "attempts").glob("*/verdict.json"):
            verdict.unlink()

    wishes.run()

    assert repo.read("WRK-001-a") == "line\n"
    assert len(wishes.calls) == (1 if has_verdict else 2)
    set_aside = [] if has_verdict else [ref for ref in branches(repo) if ".before-" in ref]
    assert branches(repo) == set_aside
    for ref in set_aside:
        repo.git("branch", "-D", ref)
    assert_agrees(wishes, 1, "a")


def test_a_run_that_is_killed_while_git_lands_lands_once(wishes: Wishes) -> None:
    """The hook holds peal's git in the middle of it, and it goes on when peal is dead."""
    wishes.put(ready("WRK-001"))
    held = 'cat >"$OUT/refs"; grep -q refs/heads/main "$OUT/refs" || exit 0; touch "$OUT/begun-hook"; [ -e "$OUT/go-hook" ] || sleep 1'
    hook(wishes, "reference-transaction", held)
    run = wishes.start()
    eventually(lambda: wishes.has_begun("hook") or run.poll() is not None)
    run.kill()
    run.wait()
    wishes.open("hook")

    wishes.run()

    assert_agrees(wishes, 1, "build")


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (("triage",), ["WRK-001/triage", "WRK-001/triage", "WRK-002/triage"]),
        *later(
            (("run", "--target", "1"), ["WRK-001/triage", "WRK-001/triage", "WRK-001/build"]),
            (("run", "--only", "tag=x"), ["WRK-001/triage", "WRK-001/triage", "WRK-001/build"]),
        ),
    ],
)
def test_resume_does_what_was_asked_for_and_no_more(
    wishes: Wishes, words: tuple[str, ...], calls: list[str]
) -> None:
    wishes.put(new("WRK-001", tags=("x",)), new("WRK-002"), ready("WRK-003"))
    wishes.does("WRK-001-triage", "gate x")
    run = wishes.repo.start("backlog", *words)
    eventually(lambda: wishes.has_begun("x"))
    run.send_signal(signal.SIGINT)
    ended(run, 130)

    wishes.usual("WRK-001-triage")
    wishes.repo.peal("resume")

    assert wishes.calls == calls


def test_a_plan_whose_end_was_not_written_is_ended_without_an_agent(planned: Wishes) -> None:
    planned.run()
    calls = planned.calls
    planned.repo.git("reset", "-q", "--hard", "HEAD~1")
    assert planned.item("WRK-001").status == "in_progress"

    planned.run()

    assert planned.calls == calls
    assert planned.item("WRK-001").status == "done"
    assert planned.is_clean()


def test_an_item_that_a_person_puts_back_is_worked_on_anew(wishes: Wishes) -> None:
    wishes.settings(feature={"phases": ["a", "b"]})
    wishes.put(ready("WRK-001"))
    wishes.does("b", BLOCKS)
    wishes.run(code=1)

    wishes.repo.peal("backlog", "unblock", "1")
    wishes.repo.peal("backlog", "advance", "1", "--to", "a")
    wishes.usual("b")
    wishes.run()

    assert wishes.calls == ["WRK-001/a", "WRK-001/b", "WRK-001/a", "WRK-001/b"]
    assert wishes.statuses() == {"WRK-001": "done"}


def test_a_second_run_is_refused_while_one_goes_on(wishes: Wishes, at_work: Process) -> None:
    wishes.run(code=5)
    wishes.run(command="triage", code=5)
    said = wishes.repo.peal("status").stdout
    wishes.open("x")
    ended(at_work, 0)

    assert "WRK-001/build" in said


# --- Without commits


@pytest.fixture
def uncommitted(wishes: Wishes) -> Wishes:
    """Settings by which nothing is committed."""
    wishes.settings("commit = false", feature=TWO)
    wishes.put(ready("WRK-001"), new("WRK-002"))
    return wishes


def test_without_commits_states_are_written_in_place(uncommitted: Wishes) -> None:
    head = uncommitted.repo.git("rev-parse", "HEAD")

    uncommitted.run()

    assert uncommitted.repo.git("rev-parse", "HEAD") == head
    assert uncommitted.statuses() == {"WRK-001": "done", "WRK-002": "done"}
    assert (uncommitted.repo.path / "WRK-002-build").exists()
    assert len(uncommitted.worklog()) == 5
    assert "nothing is open" in uncommitted.run()


def test_without_commits_a_block_is_written_in_place_and_a_new_run_goes_on(uncommitted: Wishes) -> None:
    uncommitted.does("WRK-001-build", BLOCKS)
    uncommitted.run()
    assert uncommitted.statuses() == {"WRK-001": "blocked", "WRK-002": "done"}

    uncommitted.usual("WRK-001-build")
    uncommitted.repo.peal("backlog", "unblock", "1", "--notes", "So")
    uncommitted.run()

    assert uncommitted.statuses() == {"WRK-001": "done", "WRK-002": "done"}
    assert "So" in uncommitted.prompt("WRK-001-build", 2)


@pytest.mark.parametrize("setting", ["block", *later("ignore", "warn")])
def test_without_commits_what_a_phase_rested_on_must_still_be_in_history(
    wishes: Wishes, setting: str
) -> None:
    wishes.settings("commit = false", feature={"phases": ["prd", {"name": "build", "staleness": setting}]})
    wishes.put(ready("WRK-001"))
    wishes.repo.git("commit", "--allow-empty", "-qm", "rested on")
    rested_on = wishes.repo.git("rev-parse", "HEAD").strip()
    wishes.does("prd", "git commit --allow-empty -qm 'by the phase itself'; answer phase_complete")
    wishes.run("--cap", "1")
    assert f"last_phase_commit: {rested_on}" in wishes.repo.read("backlog/WRK-001.md")
    wishes.repo.git("reset", "-q", "--soft", "HEAD~2")

    said = wishes.run(code=1 if setting == "block" else 0)

    assert ("which the phase before rested on, is no longer in the history" in said) == (setting != "ignore")
    assert wishes.statuses() == {"WRK-001": "blocked" if setting == "block" else "done"}


@pytest.mark.parametrize("number", [signal.SIGKILL, *later(signal.SIGINT)])
def test_without_commits_a_run_that_is_ended_goes_on(uncommitted: Wishes, number: signal.Signals) -> None:
    uncommitted.does("WRK-001-build", "gate x; answer phase_complete")
    run = uncommitted.start()
    eventually(lambda: uncommitted.has_begun("x"))
    run.send_signal(number)
    run.wait(20)

    uncommitted.usual("WRK-001-build")
    uncommitted.run()

    assert uncommitted.calls.count("WRK-001/prd") == 1
    assert uncommitted.calls.count("WRK-001/build") == 2
    assert uncommitted.statuses() == {"WRK-001": "done", "WRK-002": "done"}
    assert len(uncommitted.worklog()) == len(set(uncommitted.worklog())) == 5


FIELDS_ARE_BACK = "the fields of `backlog/{}.md` are as they were: only its text may be changed"
BY_HAND = {
    "its own fields": (
        "sed -i 's/^status: .*/status: done/' backlog/WRK-001.md",
        FIELDS_ARE_BACK.format("WRK-001"),
    ),
    "fields of another": (
        "sed -i 's/^status: .*/status: done/' backlog/WRK-003.md",
        FIELDS_ARE_BACK.format("WRK-003"),
    ),
    "front matter that is none": ("sed -i 1d backlog/WRK-001.md", FIELDS_ARE_BACK.format("WRK-001")),
    "a file that is gone": (
        "rm backlog/WRK-003.md",
        "`backlog/WRK-003.md` is back: items are closed, and not deleted",
    ),
    "a file in the archive": (
        "sed -i 's/^status: .*/status: done/' backlog/WRK-001.md; mv backlog/WRK-001.md backlog/archive/",
        "`backlog/archive/WRK-001.md`, a second file of its item, is taken away; what was written is in `.peal/",
    ),
}


@pytest.mark.parametrize("how", sample(BY_HAND.keys(), "its own fields", "a file that is gone"))
def test_without_commits_the_fields_of_items_are_peals(uncommitted: Wishes, how: str) -> None:
    script, told = BY_HAND[how]
    uncommitted.put(ready("WRK-003", priority=-1))
    uncommitted.does("WRK-001-prd", f"{script}; answer phase_complete")
    uncommitted.does("WRK-003-prd", "answer blocked no")

    said = uncommitted.run()

    assert told in said
    assert uncommitted.calls[:3] == ["WRK-001/prd", "WRK-001/build", "WRK-003/prd"]
    assert uncommitted.statuses() == {"WRK-001": "done", "WRK-002": "done", "WRK-003": "blocked"}
    assert not (uncommitted.repo.path / ".peal/backlog-writes.jsonl").exists()


def test_without_commits_the_text_of_items_is_everybodys_and_what_is_taken_back_is_kept(
    uncommitted: Wishes,
) -> None:
    uncommitted.does(
        "WRK-001-prd",
        "sed -i 's/^status: .*/status: done/' backlog/WRK-001.md; echo Found out. >>backlog/WRK-001.md; "
        "answer blocked no",
    )

    said = uncommitted.run("--target", "1", code=1)

    file = uncommitted.repo.read("backlog/WRK-001.md")
    assert "status: blocked" in file
    assert file.endswith("Found out.\n")
    (copy,) = re.findall("what was written is in `(.*)`", said)
    assert "status: done" in uncommitted.repo.read(copy)


def test_without_commits_what_persons_do_by_commands_while_a_phase_is_at_work_stays(
    uncommitted: Wishes,
) -> None:
    uncommitted.put(ready("WRK-003"), ready("WRK-004"))
    uncommitted.does(
        "WRK-001-prd", "gate x; sed -i 's/^title: .*/title: Mine/' backlog/WRK-00*.md; answer phase_complete"
    )
    uncommitted.repo.write("ideas.txt", "An idea\n")
    run = uncommitted.start("--cap", "1")
    eventually(lambda: uncommitted.has_begun("x"))
    for words in (
        ("edit", "1", "--priority", "5"),
        ("edit", "2", "--title", "Another", "--body", "More of it."),
        ("block", "3", "--reason", "Why?"),
        ("close", "4", "--reason", "No."),
        ("add", "A new wish"),
        ("import", "ideas.txt"),
    ):
        uncommitted.repo.peal("backlog", *words)
    uncommitted.repo.write("backlog/WRK-050.md", item_file.written(ready("WRK-050", "By hand")).decode())
    uncommitted.open("x")
    said = ended(run, 1)

    found = {one["id"]: one for one in uncommitted.listed()}
    assert {id_: (one["title"], one["status"]) for id_, one in found.items()} == {
        "WRK-001": ("A wish", "in_progress"),
        "WRK-002": ("Another", "new"),
        "WRK-003": ("A wish", "blocked"),
        "WRK-004": ("A wish", "cancelled"),
        "WRK-005": ("A new wish", "new"),
        "WRK-006": ("An idea", "new"),
        "WRK-050": ("By hand", "ready"),
    }
    assert (found["WRK-001"]["priority"], found["WRK-001"]["phase"]) == (5, "build")
    assert found["WRK-002"]["text"] == "\nMore of it.\n"
    assert FIELDS_ARE_BACK.format("WRK-001") in said


def test_without_commits_what_an_agent_writes_into_fields_counts_at_no_moment(uncommitted: Wishes) -> None:
    """A run that is ended meanwhile has completed nothing, and a person may block the item."""
    uncommitted.does(
        "WRK-001-prd", "sed -i 's/^status: .*/status: done/' backlog/*.md; gate x; answer phase_complete"
    )
    run = uncommitted.start()
    eventually(lambda: uncommitted.has_begun("x"))
    run.send_signal(signal.SIGINT)
    said = ended(run, 130)

    assert "0 completed" in said
    assert uncommitted.statuses() == {"WRK-001": "ready", "WRK-002": "new"}
    uncommitted.usual("WRK-001-prd")
    uncommitted.run()
    assert uncommitted.calls.count("WRK-001/prd") == 2
    assert uncommitted.statuses() == {"WRK-001": "done", "WRK-002": "done"}


def test_without_commits_what_is_read_as_an_agent_ends_is_judged_as_if_it_were_at_work(
    uncommitted: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks may be between reading the files and judging them when their fields are put right."""
    items = ItemsOfFolder(uncommitted.repo.path, uncommitted.repo.path / "backlog")
    path = next((uncommitted.repo.path / "backlog").glob("WRK-001*"))
    RepoPaths(uncommitted.repo.path).prepare()
    items.guard.begin()
    path.write_text(path.read_text().replace("status: ready", "status: done"))
    ends = threading.Thread(target=items.guard.end, args=(uncommitted.repo.path / ".peal",))
    looks = LookedFolder.backlog

    def slowly(folder: LookedFolder) -> Backlog:
        found = looks(folder)
        if threading.current_thread() is not ends:
            ends.start()
            ends.join(0.3)
        return found

    monkeypatch.setattr(LookedFolder, "backlog", slowly)
    seen = items.read()
    ends.join()

    assert seen.by_id["WRK-001"].status == "ready"
    assert "status: ready" in path.read_text()


def test_without_commits_files_keep_their_modes(uncommitted: Wishes) -> None:
    for number, mode in ((1, 0o600), (2, 0o640)):
        (uncommitted.repo.path / f"backlog/WRK-00{number}.md").chmod(mode)
    uncommitted.does("WRK-002-build", BLOCKS)

    uncommitted.run()

    names = ("archive/WRK-001.md", "WRK-002.md")
    modes = [(uncommitted.repo.path / "backlog" / name).stat().st_mode & 0o777 for name in names]
    assert modes == [0o600, 0o640]


@pytest.mark.parametrize("more", [*later(""), "max_parallel = 3"])
def test_without_commits_one_that_is_more_urgent_comes_before_a_destructive_phase(
    wishes: Wishes, more: str
) -> None:
    """There is one place, however many are asked for, and it is not left empty by taking the urgent one first."""
    wishes.settings(
        f"commit = false\n{more}\n[execution]\nmax_wip = 2",
        plain=ONE,
        destructive={"phases": [{"name": "build", "is_destructive": True}]},
    )
    wishes.put(
        ready("WRK-001", pipeline="plain", priority=9), ready("WRK-002", pipeline="destructive", priority=1)
    )

    wishes.run()

    assert wishes.calls == ["WRK-001/build", "WRK-002/build"]


def test_the_item_itself_is_written_last_and_never_without_a_file(wishes: Wishes) -> None:
    """Without commits edits are made one after another, and a kill may come between any two of them."""
    wishes.put(ready("WRK-001"))
    repo = wishes.repo.path
    items = ItemsOfFolder(repo, repo / "backlog")
    pipelines = {"feature": PipelineSettings(phases=(ItemPhaseSettings("build"),))}
    left_out = LeftOut(repo / "left-out.json")
    landings = ItemLandings(items, repo, "WRK", pipelines, GuardrailSettings(), 9, left_out, print)
    answer = PhaseResult("WRK-001", "build", "phase_complete", "ok", follow_ups=(FollowUp("More"),))
    done = Finished("build", "2026-01-02T00:00:00Z", answer)

    changes = landings.changes(items.read(), "WRK-001", done)
    edits = list(landings.written(changes, items.read(), FolderFiles(repo)))

    assert [(edit.path, edit.content is not None) for edit in edits] == [
        ("_worklog/2026-01.md", True),
        ("backlog/WRK-002-more.md", True),
        ("backlog/archive/WRK-001.md", True),
        ("backlog/WRK-001.md", False),
    ]
    put_in(repo, edits)
    assert items.read().by_id["WRK-001"].status == "done"
    assert items.read().twice == {}


@pytest.mark.parametrize("steps", range(4))
def test_a_file_that_moves_is_never_twice_and_never_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whenever peal is killed on the way to the archive."""
    left = [steps]

    def counted(name: str) -> None:
        does = getattr(os, name)

        def do(*words: Any) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            does(*words)

        monkeypatch.setattr(os, name, do)

    (tmp_path / "backlog").mkdir()
    (tmp_path / "backlog/a.md").write_text("as it was")
    for name in ("replace", "rename", "unlink"):
        counted(name)
    moved = [
        Edit("backlog/archive/a.md", b"over"),
        Edit("backlog/a.md", None, moved_to="backlog/archive/a.md"),
    ]

    with suppress(KeyboardInterrupt):
        put_in(tmp_path, moved)

    (file,) = tmp_path.rglob("*.md")
    assert (file.parent.name, file.read_text()) in (
        ("backlog", "as it was"),
        ("archive", "as it was"),
        ("archive", "over"),
    )


def test_without_commits_a_kill_on_the_way_to_the_archive_is_made_good(uncommitted: Wishes) -> None:
    """The end of the phase comes once more, wherever the file is by then."""
    uncommitted.run("--target", "1", "--cap", "1")
    before = uncommitted.repo.read("backlog/WRK-001.md")
    uncommitted.run("--target", "1")
    (journal,) = (uncommitted.repo.path / ".peal").glob("backlog-*/journal.jsonl")
    lines = journal.read_text().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if '"StepStarted"' in line and '"address"' in line)
    journal.write_text("".join(lines[: last + 1]))
    uncommitted.repo.write("backlog/archive/WRK-001.md", before)

    uncommitted.run("--target", "1")

    assert uncommitted.calls == ["WRK-001/prd", "WRK-001/build"]
    assert uncommitted.worklog() == [("WRK-001", "prd", "Complete"), ("WRK-001", "build", "Complete")]
    assert uncommitted.statuses()["WRK-001"] == "done"
    assert json.loads(uncommitted.repo.peal("doctor", "--json").stdout) == []


def named(wishes: Wishes, **items: Item) -> None:
    """Items in files of these names, in the archive where they are over."""
    for name, item in items.items():
        place = "backlog/archive" if item.status == "done" else "backlog"
        wishes.repo.write(f"{place}/{name}.md", item_file.written(item).decode())
    wishes.commit("names")


def test_an_item_that_goes_to_the_archive_takes_no_others_place(wishes: Wishes) -> None:
    """On some systems `Login.md` is `login.md`."""
    named(wishes, login=new("WRK-001", "Old", status="done"), Login=ready("WRK-002", depends=("WRK-001",)))
    wishes.repo.write("backlog/archive/search.md", "a note")
    named(wishes, search=ready("WRK-003"))

    wishes.run()

    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done", "WRK-003": "done"}
    assert sorted(path.name for path in wishes.repo.path.glob("backlog/archive/*.md")) == [
        "WRK-002-a-wish.md",
        "WRK-003-a-wish.md",
        "login.md",
        "search.md",
    ]
    assert wishes.is_clean()


def test_duplicates_that_go_to_the_archive_together_take_no_others_place(wishes: Wishes) -> None:
    names = {"login": new("WRK-002"), "WRK-002-a-wish": new("WRK-003")}
    named(wishes, **{"first": new("WRK-001"), **names})
    named(wishes, login=new("WRK-004", status="done"))
    wishes.does("triage", """answer phase_complete same '"duplicates": ["WRK-002", "WRK-003"]'""")

    wishes.run("--target", "1")

    assert wishes.statuses() == {
        "WRK-001": "done",
        "WRK-002": "cancelled",
        "WRK-003": "cancelled",
        "WRK-004": "done",
    }


def test_without_commits_what_is_written_is_read_and_written_while_no_command_changes_the_backlog(
    wishes: Wishes,
) -> None:
    """Or a command's edit would be lost, and an id given twice."""
    repo = wishes.repo.path
    held: list[str] = []

    def note(where: str) -> tuple[Edit, ...]:
        with pytest.raises(Busy), lock.landing(RepoPaths(repo), patience=0):
            pass
        held.append(where)
        return ()

    @frozen
    class Noting(NoAdditions):
        def edits(self, order: Order, files: Files) -> tuple[Edit, ...]:  # noqa: ARG002
            return note("an end of a task")

    order = Order(
        Task(TaskId("1"), "A task", ""), Phase("execute", Kind.WRITE), 1, repo / "attempt", alone=True
    )
    assert ItemsOfFolder(repo, repo / "backlog").put(lambda _: note("an end of an item"), "") == ("", ())
    assert SharedTree(repo, additions=Noting()).change(order).commit_verified() == ""

    assert held == ["an end of an item", "an end of a task"]


@pytest.mark.parametrize("rehearses", [False, True])
@pytest.mark.parametrize("settings", ["", "commit = false"])
def test_a_file_that_has_not_changed_is_parsed_once_in_a_run(
    wishes: Wishes, monkeypatch: pytest.MonkeyPatch, settings: str, rehearses: bool
) -> None:
    """Every decision looks at all items again, at those too that are not committed yet."""
    wishes.settings(settings)
    wishes.put(ready("WRK-001"))
    wishes.put(ready("WRK-002"), commits=False)
    read, seen = item_file.read, list[bytes]()
    monkeypatch.setattr(item_file, "read", lambda raw: seen.append(raw) or read(raw))

    repo_paths = RepoPaths(wishes.repo.path)
    slots = Slots(repo_paths.repo, repo_paths.worktrees)
    job = backlog_job_of(repo_paths, {}, slots, (), rehearses=rehearses, explains=False)
    assert isinstance(job.source, ItemTasks)
    for _ in range(3):
        known = (*job.source.items.read().kept, *job.source.items.new())

    assert [one.item.id for one in known] == ["WRK-001", "WRK-002"]
    assert len(seen) == 2


def test_files_that_are_not_committed_are_looked_at_without_asking_git_for_each(
    wishes: Wishes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where hundreds were imported and not committed."""
    wishes.put(*(ready(f"WRK-{number:03}") for number in range(1, 30)), commits=False)
    repo_paths = RepoPaths(wishes.repo.path)
    job = backlog_job_of(
        repo_paths, {}, Slots(repo_paths.repo, repo_paths.worktrees), (), rehearses=False, explains=False
    )
    assert isinstance(job.source, ItemTasks)
    tip, asked = Pool.tip, list[str]()
    monkeypatch.setattr(Pool, "tip", lambda self: asked.append("tip") or tip(self))

    assert len(job.source.items.new()) == 29
    assert len(asked) < 5


# --- Where


def test_a_branch_that_is_not_checked_out(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    wishes.does("WRK-002", BLOCKS)
    wishes.repo.git("branch", "work")
    head = wishes.repo.git("rev-parse", "HEAD")

    wishes.run("--branch", "work")

    assert wishes.repo.git("rev-parse", "HEAD") == head
    assert wishes.is_clean()
    wishes.repo.git("switch", "-q", "work")
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "blocked"}
    assert wishes.is_clean()


def test_a_backlog_of_someone_who_may_not_write_everything(
    wishes: Wishes, unprivileged: tuple[str, ...]
) -> None:
    wishes.repo.before = unprivileged
    wishes.put("One")

    wishes.run()

    assert wishes.statuses() == {"WRK-001": "done"}


# --- Side by side


STAMPS = """echo "begin $id-$phase" >>"$OUT/stamps"
sleep 0.2
echo "end $id-$phase" >>"$OUT/stamps"; answer phase_complete"""


def stamps(wishes: Wishes) -> list[str]:
    """`begin` and `end` of each phase, in the order in which they were."""
    return (wishes.out / "stamps").read_text().splitlines()


@pytest.mark.parametrize(
    ("settings", "words", "most"),
    [
        ("max_wip = 4\nmax_concurrent = 4", ("--max-parallel", "2"), 2),
        *later(("max_wip = 2\nmax_concurrent = 4", (), 2)),
        ("max_wip = 4", (), 1),
        *later(("max_wip = 4\nmax_concurrent = 4", ("--no-parallel",), 1)),
    ],
)
def test_no_more_phases_at_once_than_allowed(
    wishes: Wishes, settings: str, words: tuple[str, ...], most: int
) -> None:
    wishes.settings(f"[execution]\n{settings}")
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2, 3)))
    wishes.does("build", STAMPS)

    wishes.run(*words)

    at_once = [0]
    for line in stamps(wishes):
        at_once.append(at_once[-1] + (1 if line.startswith("begin") else -1))
    assert max(at_once) == most


def test_a_destructive_phase_runs_alone(wishes: Wishes) -> None:
    wishes.settings(
        "[execution]\nmax_wip = 2\nmax_concurrent = 2",
        feature={"phases": ["prd", {"name": "build", "is_destructive": True}]},
    )
    wishes.put(*(ready(f"WRK-00{number}") for number in (1, 2)))
    for phase in ("prd", "build"):
        wishes.does(phase, STAMPS)

    wishes.run()

    lines = stamps(wishes)
    begun = [place for place, line in enumerate(lines) if re.fullmatch(r"begin \S+-build", line)]
    assert [lines[place + 1] for place in begun] == [lines[place].replace("begin", "end") for place in begun]
    assert wishes.statuses() == {f"WRK-00{number}": "done" for number in (1, 2)}


def test_phases_that_clash_side_by_side_are_mended_or_done_anew(wishes: Wishes) -> None:
    wishes.settings("[execution]\nmax_wip = 2\nmax_concurrent = 2")
    wishes.put(ready("WRK-001"), ready("WRK-002"))
    both = '[ -e "$OUT/at-WRK-001" ] && [ -e "$OUT/at-WRK-002" ]'
    wishes.does(
        "build",
        f'touch "$OUT/at-$id"; until {both}; do sleep 0.02; done; echo "$id" >>README.md; answer phase_complete',
    )

    wishes.run()

    assert sorted(wishes.repo.read("README.md").splitlines()) == ["A project.", "WRK-001", "WRK-002"]
    assert wishes.statuses() == {"WRK-001": "done", "WRK-002": "done"}


# --- What is shown


def test_the_end_of_a_run_for_another_branch_names_that(wishes: Wishes) -> None:
    wishes.put("One")
    assert "\nin `re'sults`: everything asked for is done\n" in wishes.run("--branch", "re'sults")
    wishes.put(new("WRK-002"))

    assert "\nin `re'sults`: nothing is open\n" in wishes.run("--branch", "re'sults")
    assert wishes.run("--branch", "re'sults", "--dry-run") == "in `re'sults`: nothing is open\n"
    assert wishes.repo.peal("status").stdout.splitlines()[-1] == (
        "next: `peal backlog run --branch 're'\"'\"'sults'` to go on with the items that are in it, "
        "`git switch 're'\"'\"'sults'` to look at them"
    )
    wishes.repo.git("switch", "-q", "re'sults")
    assert "\nnothing is open\n" in wishes.run("--branch", "re'sults")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("has_run", [False, True])
def test_dry_run_changes_nothing_at_all(wishes: Wishes, has_run: bool) -> None:
    wishes.settings(feature=WITH_SCOPING)
    wishes.put("One", ready("WRK-002", depends=("WRK-001",)))
    if has_run:
        wishes.run("--cap", "1")
    calls = wishes.calls
    wishes.put(new("WRK-003", "Not committed"), commits=False)
    before = contents(wishes.repo.path)

    said = wishes.run("--dry-run", "--explain")

    assert contents(wishes.repo.path) == before
    assert wishes.calls == calls
    for step in (
        "WRK-001/research research",
        "WRK-001/review review",
        "WRK-002/build build",
        "WRK-003/triage triage",
    ):
        assert f"task {step}: " in said
    assert "because task WRK-002: waits: depends on WRK-001, which is " in said


def test_a_dry_run_with_nothing_to_do_says_why(wishes: Wishes) -> None:
    assert wishes.run("--dry-run") == "nothing is open\n"
    wishes.put("One")
    assert wishes.run("--dry-run", "--only", "tag=no") == "no item matches tag=no\n"
    wishes.repo.peal("backlog", "block", "1", "--reason", "Which?")
    assert wishes.run("--dry-run", code=1) == (
        "none of 1 open item can be worked on; `peal backlog run --dry-run --explain` says why\n"
    )


def test_json_is_a_line_for_each_event(wishes: Wishes) -> None:
    wishes.put("One")

    events = [json.loads(line) for line in wishes.run("--json").splitlines()]

    end = next(one for one in events if one["event"] == "RunClosed")
    assert [one["event"] for one in events[:2]] == ["RunOpened", "TasksAdded"]
    assert (end["code"], end["why"]) == (0, "everything asked for is done")


def test_quiet_tells_the_end_only(wishes: Wishes) -> None:
    wishes.put("One")

    assert wishes.run("-q").splitlines() == [
        "2 phases, 1 completed, 0 blocked",
        "completed: WRK-001",
        "everything asked for is done",
        "next: `peal backlog status` to see how far each item is, `peal backlog run` to ask for the same again",
    ]
