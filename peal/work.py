"""Carries out one attempt: prompt, agent, reviewers, verdict; puts what happens into the inbox as events."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, evolve, field, frozen

from peal import phases, process
from peal.agents import Agent, Request
from peal.errors import PealError
from peal.events import Event, ProcessStarted, StepEnded, StopAsked, as_json, converter
from peal.files import write_all
from peal.git import STEERING, Look
from peal.model import Attempt, Command, Declined, Ended, Ending, Finding, Outcome, Phase, Reply, Result
from peal.phases import Evidence, address
from peal.phases.prompts import Briefing, render
from peal.process import Cancel, Clocks, Launch
from peal.reviewers import CommandReviewer
from peal.settings import Settings
from peal.text import last_line, slug, tail
from peal.transcripts import end_of
from peal.workspaces import SharedTree

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
    workspace: SharedTree
    context: str
    templates: Path | None = None

    def model(self, phase: Phase) -> str | None:
        """The model for this phase."""
        return self.settings.phase(phase).model or self.settings.model

    def agent_name(self, phase: Phase) -> str:
        """Who works in this phase; nobody where there is nothing to do for anybody."""
        return "" if phase is Phase.ADDRESS and not self.reviewers else self.agents[phase].name

    def clocks(self, phase: Phase) -> Clocks:
        """The clocks an attempt at this phase runs under."""
        settings = self.settings
        timeout = settings.phase(phase).timeout_sec or settings.phase_timeout_sec
        idle = self.agents[phase].idle_timeout_sec or settings.idle_timeout_sec
        return Clocks(timeout, idle, settings.max_output_mb * 1_000_000)

    def review_clocks(self) -> Clocks:
        """The clocks a reviewer runs under: a test run may well be silent."""
        return evolve(self.clocks(Phase.ADDRESS), idle=None)


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
        except PealError as error:
            outcome = Outcome(Result.FAILED, str(error))
        except BaseException as bug:
            self.put(bug)
            outcome = Outcome(Result.INTERRUPTED, "a bug in peal")
        self.put(StepEnded(time.time(), attempt.task.index, attempt.phase, attempt.number, outcome))

    def _outcome(self, attempt: Attempt) -> Outcome:
        if attempt.phase is Phase.ADDRESS and not self.crew.reviewers:
            return Outcome(Result.PASSED, "nothing to review")
        attempt.folder.mkdir(parents=True)
        scratch = f"{self.scratch}/{attempt.folder.name}"
        os.makedirs(scratch)  # with the run's own, which a cleaner of /tmp may have found idle for too long
        try:
            outcome = self._addressed(attempt) if attempt.phase is Phase.ADDRESS else self._worked(attempt)
        finally:
            _remove(scratch)
        _write(f"{attempt.folder}/outcome.json", as_json(converter().unstructure(outcome)) + "\n")
        return outcome

    def _addressed(self, attempt: Attempt) -> Outcome:
        found = self._reviewed(attempt)
        if self.cancel.is_set:
            return Outcome(Result.INTERRUPTED, "the run was ended")
        findings = tuple(finding for finding in found if finding.mark not in attempt.charged)
        if not findings:
            return Outcome(Result.PASSED, "what was found stands against another task" * bool(found))
        rounds = self.crew.settings.max_address_rounds
        if attempt.round >= rounds:
            return self._remaining(findings, f"`max_address_rounds` is {rounds}")
        return self._worked(attempt, findings)

    def _remaining(self, findings: tuple[Finding, ...], why: str) -> Outcome:
        return address.remaining(findings, self.crew.settings.on_findings_remaining, why)

    def _reviewed(self, attempt: Attempt) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for number, reviewer in enumerate(self.crew.reviewers, 1):
            prefix = f"review-{number}-{slug(reviewer.name)}."
            launch = self._launch(attempt, Command(reviewer.argv), self.crew.review_clocks(), prefix)
            try:
                ending = self._run(launch, attempt)
            except OSError as error:
                if _is_full(error):
                    raise
                raise PealError(f"reviewer `{reviewer.name}` cannot be started: {error.strerror}") from None
            found += reviewer.findings(
                ending, *(end_of(path, _REVIEW) for path in (launch.stdout, launch.stderr))
            )
        return tuple(found)

    def _worked(self, attempt: Attempt, findings: tuple[Finding, ...] = ()) -> Outcome:
        """An agent's attempt and the verdict on it."""
        agent = self.crew.agents[attempt.phase]
        request = self._request(attempt, findings)
        _write(str(request.prompt_file), request.prompt)
        prepared = agent.prepare(request)
        if isinstance(prepared, Declined):
            if findings:
                return self._remaining(findings, prepared.reason)
            return Outcome(Result.REJECTED, prepared.reason)
        evidence = (
            Evidence(None, prepared)
            if isinstance(prepared, Reply)
            else self._watched(attempt, agent, prepared)
        )
        _write(f"{attempt.folder}/reply.md", evidence.reply.text)
        return phases.verdict(
            attempt.phase, evolve(evidence, require_change=agent.require_change, findings=findings)
        )

    def _watched(self, attempt: Attempt, agent: Agent, command: Command) -> Evidence:
        """What the agent did, and whether the repository changed where that can be told and matters."""
        before = self._look(attempt, agent)
        evidence = self._asked(attempt, agent, command)
        changed = None if before is None else self.crew.workspace.look() != before
        return evolve(evidence, changed=changed)

    def _request(self, attempt: Attempt, findings: tuple[Finding, ...]) -> Request:
        crew = self.crew
        workspace = crew.workspace.path
        plan = _text(f"{attempt.plan_folder}/reply.md") if attempt.plan_folder else ""
        briefing = Briefing(
            attempt.task,
            attempt.phase,
            workspace,
            context=crew.context,
            plan=plan,
            findings=findings,
            failed_before=_what_failed(attempt),
            interrupted_before=attempt.interrupted_before,
        )
        prompt = render(briefing, crew.templates)
        file = attempt.folder / "prompt.md"
        return Request(attempt.task, attempt.phase, prompt, file, workspace, crew.model(attempt.phase))

    def _look(self, attempt: Attempt, agent: Agent) -> Look | None:
        """The repository before the attempt, where a change could be told to be the attempt's and matters."""
        matters = attempt.phase is Phase.PLAN or (attempt.phase is Phase.EXECUTE and agent.require_change)
        return self.crew.workspace.look() if attempt.alone and matters else None

    def _asked(self, attempt: Attempt, agent: Agent, command: Command) -> Evidence:
        for name, text in command.files.items():
            _write(f"{attempt.folder}/{name}", text)
        launch = self._launch(attempt, command, self.crew.clocks(attempt.phase))
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

    def _launch(self, attempt: Attempt, command: Command, clocks: Clocks, prefix: str = "") -> Launch:
        folder, name = str(attempt.folder), attempt.folder.name
        marker = f"{self.run}/{name}"
        workspace = self.crew.workspace.path
        env = {
            **command.env,
            process.ATTEMPT_MARKER: marker,
            "PEAL_PHASE": str(attempt.phase),
            "PEAL_TASK": attempt.task.id,
            "PEAL_ATTEMPT": str(attempt.number),
            "PEAL_WORKSPACE": str(workspace),
            "TMPDIR": f"{self.scratch}/{name}",
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
