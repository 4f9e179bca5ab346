"""Carries out one attempt: prompt, agent, reviewers, verdict; puts what happens into the inbox as events."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define, evolve, field, frozen

from peal import phases, process
from peal.agents import Agent, Request
from peal.errors import PealError
from peal.events import Event, ProcessStarted, StepEnded, StopAsked, WorkspaceReady, as_json, converter
from peal.files import write_all
from peal.git import STEERING, GitError
from peal.model import Attempt, Command, Declined, Ended, Ending, Finding, Outcome, Phase, Reply, Result
from peal.phases import Evidence, address
from peal.phases.prompts import Briefing, render
from peal.phases.verdict import unfinished
from peal.process import Cancel, Clocks, Launch
from peal.reviewers import CommandReviewer, finding_of
from peal.settings import Settings
from peal.text import last_line, slug, tail
from peal.transcripts import end_of
from peal.workspaces import Change, Workspace, Workspaces

REPLY_LIMIT = 128 * 1024
"""Bytes of an agent's output that are its reply; of more the end counts, and the whole stays in `stdout`."""
_FAILED_LINES = 40
_REVIEW = 64 * 1024
"""Bytes of the end of a reviewer's output that make a finding."""


@frozen
class Crew:
    """Who works on a plan, and by which settings."""

    settings: Settings
    agents: Mapping[Phase, Agent]
    reviewers: tuple[CommandReviewer, ...]
    workspaces: Workspaces
    context: str
    templates: Path | None = None

    def model(self, phase: Phase) -> str | None:
        """The model for this phase."""
        return self.settings.phase(phase).model or self.settings.model

    def agent_name(self, phase: Phase) -> str:
        """Who works in this phase; nobody where there is nothing to do for anybody."""
        is_quiet = phase is Phase.LAND or (phase is Phase.ADDRESS and not self.reviewers)
        return "" if is_quiet else self.agents[phase].name

    def clocks(self, phase: Phase) -> Clocks:
        """The clocks an attempt at this phase runs under."""
        settings = self.settings
        timeout = settings.phase(phase).timeout_sec or settings.phase_timeout_sec
        idle = self.agents[phase].idle_timeout_sec or settings.idle_timeout_sec
        return Clocks(timeout, idle, settings.max_output_mb * 1_000_000)

    def review_clocks(self) -> Clocks:
        """The clocks a reviewer runs under: a test run may well be silent."""
        return evolve(self.clocks(Phase.ADDRESS), idle=None)


class _UnreadyError(Exception):
    """The worktree could not be readied, with what that means for the attempt."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@define
class Worker:
    """Does attempts, in any thread. Never raises: what goes wrong in peal itself goes into the inbox too."""

    crew: Crew
    run: str
    scratch: Path
    """The run's temporary folder; each attempt gets a TMPDIR of its own in it."""
    put: Callable[[Event | BaseException], None]
    watch: Callable[[int], None]
    """Tells the guard of a process."""
    cancel: Cancel = field(factory=Cancel)
    _env: dict[bytes, bytes] = field(init=False)

    @_env.default
    def _base_environment(self) -> dict[bytes, bytes]:
        kept = {name: value for name, value in os.environ.items() if name not in STEERING}
        ours = {process.RUN_MARKER: self.run, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
        return _encoded({**kept, **ours})

    def perform(self, attempt: Attempt) -> None:
        """Carry the attempt out; the last thing put is its end."""
        try:
            outcome = self._outcome(attempt)
        except OSError as error:
            if _is_full(error):
                self.put(StopAsked(time.time(), 1, _no_space(error)))
                outcome = Outcome(Result.INTERRUPTED, _no_space(error))
            else:
                outcome = Outcome(
                    Result.FAILED, f"{error.strerror or error}: `{error.filename or attempt.folder}`"
                )
        except GitError as error:
            if is_full := "No space left on device" in str(error):
                self.put(StopAsked(time.time(), 1, "no space left on device: free some, then `peal resume`"))
            outcome = Outcome(Result.INTERRUPTED if is_full else Result.FAILED, str(error))
        except _UnreadyError as unready:
            outcome = unready.outcome
        except PealError as error:
            outcome = Outcome(Result.FAILED, str(error))
        except BaseException as bug:
            self.put(bug)
            outcome = Outcome(Result.INTERRUPTED, "a bug in peal")
        self.put(StepEnded(time.time(), attempt.task.index, attempt.phase, attempt.number, outcome))

    def _outcome(self, attempt: Attempt) -> Outcome:
        spaces = self.crew.workspaces
        match attempt.phase:
            case Phase.LAND:
                return spaces.land(attempt)
            case Phase.ADDRESS:
                with spaces.change(attempt) as change:
                    return self._addressed(attempt, change)
            case _:
                with spaces.lend(attempt) as workspace:
                    return self._carried_out(attempt, workspace)

    @contextmanager
    def _desk(self, attempt: Attempt, workspace: Workspace | Change) -> Iterator[None]:
        """The attempt's folder and its temporary one; a worktree is told of and readied, or `_Unready` is raised."""
        attempt.folder.mkdir(parents=True)
        scratch = f"{self.scratch}/{attempt.folder.name}"
        os.makedirs(scratch)  # with the run's own, which a cleaner of /tmp may have found idle for too long
        try:
            if workspace.base:
                self.put(
                    WorkspaceReady(
                        time.time(), attempt.task.index, attempt.phase, attempt.number, str(workspace.path),
                        workspace.base,
                    )
                )  # fmt: skip
                self._set_up(attempt, workspace.path)
            yield
        finally:
            _remove(scratch)

    def _set_up(self, attempt: Attempt, path: Path) -> None:
        spaces = self.crew.workspaces
        if spaces.needs_setup(path):
            ending = self._helped(attempt, path, spaces.setup, "setup.", "`worktree_setup`")
            if not ending.is_clean:
                words = last_line(end_of(f"{attempt.folder}/setup.stderr"))
                evidence = Evidence(ending, Reply(""), words)
                bad = unfinished(evidence)
                assert bad is not None, "it did not end well"
                raise _UnreadyError(evolve(bad, reason=f"`worktree_setup`: {bad.reason}"))
            spaces.is_set_up(path)

    def _carried_out(self, attempt: Attempt, workspace: Workspace) -> Outcome:
        with self._desk(attempt, workspace):
            outcome = self._worked(attempt, workspace.path, workspace=workspace)
            if outcome.result is Result.PASSED and attempt.phase is Phase.EXECUTE:
                outcome = _kept(outcome, workspace, self.run)
            if outcome.result is not Result.PASSED:
                workspace.rescue()
            workspace.kept = outcome.result is Result.PASSED
            return self._noted(attempt, outcome)

    def _addressed(self, attempt: Attempt, change: Change) -> Outcome:
        if change.is_empty or not (self.crew.reviewers or change.base):
            return Outcome(Result.PASSED, "nothing to review")
        conflicts = change.conflicts()
        if not (conflicts or self.crew.reviewers or change.commit_command()):
            return Outcome(Result.PASSED, commit=change.verified())
        with self._desk(attempt, change):
            return self._noted(attempt, self._reviewed(attempt, change, conflicts))

    def _reviewed(self, attempt: Attempt, change: Change, conflicts: tuple[Finding, ...]) -> Outcome:
        found = conflicts or self._hooked(attempt, change) or self._findings(attempt, change)
        if self.cancel.is_set:
            return Outcome(Result.INTERRUPTED, "the run was ended")
        findings = tuple(finding for finding in found if finding.mark not in attempt.charged)
        if not findings:
            why = "what was found stands against another task" * bool(found)
            return Outcome(Result.PASSED, why, commit=change.verified())
        rounds = self.crew.settings.max_address_rounds
        if attempt.round >= rounds:
            outcome = Outcome(Result.REJECTED, f"`max_address_rounds` is {rounds}", findings)
        else:
            change.clean()
            outcome = self._worked(attempt, change.path, findings)
        match outcome.result:
            case Result.MENDED:
                return evolve(outcome, commit=change.mended())
            case Result.REJECTED if conflicts:
                return address.clashed(conflicts, outcome.reason)
            case Result.REJECTED:
                policy = self.crew.settings.on_findings_remaining
                left = address.remaining(findings, policy, outcome.reason)
                return evolve(left, commit=change.verified()) if left.result is Result.PASSED else left
            case _:
                change.rescue()
                return outcome

    def _hooked(self, attempt: Attempt, change: Change) -> tuple[Finding, ...]:
        """Commit the merge under the person's hooks; again where they, as formatters do, changed files and refused."""
        command = change.commit_command()
        if not command:
            return ()
        ending = self._helped(attempt, change.path, command, "hooks.", "`git commit`")
        if not ending.is_clean and not self.cancel.is_set and change.take_up():
            ending = self._helped(attempt, change.path, command, "hooks.", "`git commit`")
        if ending.is_clean:
            change.committed()
            return ()
        outputs = (end_of(f"{attempt.folder}/hooks.{name}", _REVIEW) for name in ("stdout", "stderr"))
        return (finding_of("git hooks", ending, *outputs),)

    def _findings(self, attempt: Attempt, change: Change) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for number, reviewer in enumerate(self.crew.reviewers, 1):
            prefix = f"review-{number}-{slug(reviewer.name)}."
            argv = reviewer.command(change.path)
            ending = self._helped(attempt, change.path, argv, prefix, f"reviewer `{reviewer.name}`")
            outputs = (end_of(f"{attempt.folder}/{prefix}{name}", _REVIEW) for name in ("stdout", "stderr"))
            found += reviewer.findings(ending, *outputs)
        return tuple(found)

    def _helped(self, attempt: Attempt, path: Path, argv: tuple[str, ...], prefix: str, who: str) -> Ending:
        """A program that is no agent: a reviewer, the person's hooks, what readies a worktree."""
        launch = self._launch(attempt, path, Command(argv), self.crew.review_clocks(), prefix)
        try:
            return self._run(launch, attempt)
        except OSError as error:
            if _is_full(error):
                raise
            raise PealError(f"{who} cannot be started: `{argv[0]}`: {error.strerror}") from None

    def _worked(
        self,
        attempt: Attempt,
        path: Path,
        findings: tuple[Finding, ...] = (),
        workspace: Workspace | None = None,
    ) -> Outcome:
        """An agent's attempt and the verdict on it."""
        agent = self.crew.agents[attempt.phase]
        request = self._request(attempt, path, findings, is_clean=bool(workspace and workspace.base))
        _write(str(request.prompt_file), request.prompt)
        prepared = agent.prepare(request)
        if isinstance(prepared, Declined):
            return Outcome(Result.REJECTED, prepared.reason, findings)
        evidence = (
            Evidence(None, prepared)
            if isinstance(prepared, Reply)
            else self._watched(attempt, path, agent, prepared, workspace)
        )
        _write(f"{attempt.folder}/reply.md", evidence.reply.text)
        return phases.verdict(
            attempt.phase, evolve(evidence, require_change=agent.require_change, findings=findings)
        )

    def _noted(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        _write(f"{attempt.folder}/outcome.json", as_json(converter().unstructure(outcome)) + "\n")
        return outcome

    def _watched(
        self, attempt: Attempt, path: Path, agent: Agent, command: Command, workspace: Workspace | None
    ) -> Evidence:
        """What the agent did, and whether anything changed where that can be told and matters."""
        matters = attempt.phase is Phase.PLAN or agent.require_change
        if workspace is None or not matters:
            return self._asked(attempt, path, agent, command)
        workspace.watch()
        evidence = self._asked(attempt, path, agent, command)
        return evolve(evidence, changed=workspace.changed())

    def _request(
        self, attempt: Attempt, workspace: Path, findings: tuple[Finding, ...], is_clean: bool
    ) -> Request:
        crew = self.crew
        plan = _text(f"{attempt.plan_folder}/reply.md") if attempt.plan_folder else ""
        briefing = Briefing(
            attempt.task,
            attempt.phase,
            workspace,
            context=crew.context,
            plan=plan,
            findings=findings or attempt.conflict,
            failed_before=_what_failed(attempt),
            interrupted_before=attempt.interrupted_before,
            patch=attempt.patch,
            is_clean=is_clean,
        )
        prompt = render(briefing, crew.templates)
        file = attempt.folder / "prompt.md"
        return Request(attempt.task, attempt.phase, prompt, file, workspace, crew.model(attempt.phase))

    def _asked(self, attempt: Attempt, workspace: Path, agent: Agent, command: Command) -> Evidence:
        for name, text in command.files.items():
            _write(f"{attempt.folder}/{name}", text)
        launch = self._launch(attempt, workspace, command, self.crew.clocks(attempt.phase))
        try:
            ending = self._run(launch, attempt)
        except ValueError as error:
            raise PealError(f"`{launch.argv[0]}` cannot be started: {error}") from None
        except OSError as error:
            if _is_full(error):
                raise
            raise PealError(_cannot_start(launch.argv[0], error)) from None
        reply = agent.read(_text(launch.stdout))
        words = (
            "" if ending.is_clean else last_line(end_of(launch.stderr)) or last_line(end_of(launch.stdout))
        )
        return Evidence(ending, reply, words)

    def _launch(
        self, attempt: Attempt, workspace: Path, command: Command, clocks: Clocks, prefix: str = ""
    ) -> Launch:
        folder, name = str(attempt.folder), attempt.folder.name
        marker = f"{self.run}/{name}"
        env = {
            **command.env,
            process.ATTEMPT_MARKER: marker,
            "PEAL_PHASE": str(attempt.phase),
            "PEAL_TASK": attempt.task.id,
            "PEAL_ATTEMPT": str(attempt.number),
            "PEAL_WORKSPACE": str(workspace),
            "TMPDIR": f"{self.scratch}/{name}",
            **self.crew.workspaces.fence,
        }
        return Launch(
            argv=[word.replace("{folder}", folder) for word in command.argv]
            if command.files
            else command.argv,
            cwd=workspace,
            env={**self._env, **_encoded(env)},
            stdout=f"{folder}/{prefix}stdout",
            stderr=f"{folder}/{prefix}stderr",
            stdin=f"{folder}/prompt.md" if command.prompt_on_stdin else None,
            marker=marker,
            clocks=clocks,
        )

    def _run(self, launch: Launch, attempt: Attempt) -> Ending:
        if self.cancel.is_set:
            _write(launch.stdout, "")
            _write(launch.stderr, "")
            return Ending(Ended.CANCELLED, 0, 0.0)
        started = process.start(launch)
        self.watch(started.pid)
        born = process.birth(started.pid) or ""
        self.put(
            ProcessStarted(time.time(), attempt.task.index, attempt.phase, attempt.number, started.pid, born)
        )
        return process.finish(started, launch, self.cancel)


def _kept(outcome: Outcome, workspace: Workspace, run: str) -> Outcome:
    """The outcome with the commit of what was done; a failure if it cannot be committed."""
    try:
        commit = workspace.keep(run)
    except PealError as error:
        return evolve(outcome, result=Result.FAILED, reason=str(error))
    reason = "changed nothing that git keeps" if workspace.base and not commit else outcome.reason
    return evolve(outcome, commit=commit, reason=reason)


def _what_failed(attempt: Attempt) -> str:
    """Why the attempt before this one failed, with the end of what it printed."""
    if attempt.failed_folder is None:
        return ""
    outputs = [f"{attempt.failed_folder}/{name}" for name in ("stdout", "stderr")]
    said = [line for path in outputs for line in tail(end_of(path), _FAILED_LINES)]
    return "\n".join([attempt.failed_before, *said])


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _no_space(error: OSError) -> str:
    return f"{error.strerror}: free some, then `peal resume`"


def _cannot_start(program: str, error: OSError) -> str:
    if error.errno == errno.E2BIG:
        return f'`{program}` cannot take a prompt this long as an argument; set prompt = "stdin" or "file"'
    return f"`{program}` cannot be started: {error.strerror}"


def _encoded(env: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def _remove(folder: str) -> None:
    """Take a temporary folder away; most are empty, and need no look inside."""
    try:
        os.rmdir(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: str, text: str) -> None:
    """Make a small file with as few system calls as it takes: each lets go of the interpreter's lock."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644)
    except FileNotFoundError:  # an agent's `git clean -fdx` takes the attempt's folder too
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = os.open(path, flags, 0o644)
    try:
        write_all(file, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)


def _text(path: str) -> str:
    """A file's text, of a very long one its end; nothing if somebody took it away."""
    left_out = os.stat(path).st_size - REPLY_LIMIT if os.path.exists(path) else 0
    text = end_of(path, REPLY_LIMIT).decode("utf-8", "replace")
    return text if left_out <= 0 else f"[the first {left_out} bytes are left out]\n{text}"
