# ruff: noqa: ARG002, PTH103, PTH109, PTH110, PTH118, PTH120, PTH123, RET503, RUF012
"""How each CLI takes its flags, keeps its sessions, and tells what it does; as seen with the versions given here."""

import json
import os
import sys
import time

CACHED, FRESH, WRITTEN = 1000, 234, 56
"""Tokens of one call of the model."""
COST = 0.001842
"""What it costs with those that tell."""
QUICKER = 100
"""So many times faster than in life are their own pauses between tries."""


class Refused(Exception):
    """The CLI does not start its work at all."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def new_id():
    """A UUID."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"


class Session:
    """A conversation: tied to a folder, with all that it has used so far."""

    def __init__(self, number, folder, calls=0, mode="", is_resumed=False):
        self.id, self.folder, self.calls, self.mode, self.is_resumed = number, folder, calls, mode, is_resumed

    @classmethod
    def of(cls, cli):
        """The one to go on in, or a new one."""
        here = os.path.realpath(os.getcwd())
        if not cli.resume:
            return cls(cli.new_session(), here, mode=cli.mode)
        kept = cli.state.session(cli.name, cli.resume)
        if kept is None:
            raise cli.no_session()
        folder, calls, mode = kept
        if folder != here:
            folder = cli.from_elsewhere(folder, here)
        cli.mode = cli.resumed_mode(mode)
        return cls(cli.resume, folder, calls, cli.mode, is_resumed=True)


class Dialect:
    """What they have in common."""

    name = version = default_model = ""
    flags = {}
    """Each with the number of values that follow it; -1: one may follow behind `=`."""
    denial = "you haven't granted it yet"
    """What it tells of a tool that is not permitted by a rule of the person's."""

    def __init__(self, state):
        self.state = state
        self.given, self.words = {}, []
        self.session = None
        self.resume, self.mode, self.model = "", "", self.default_model
        self.calls = 1

    # --- what was asked for

    def parse(self, words):
        """Flags and words; `Refused` for those that it does not know."""
        rest = list(words)
        while rest:
            word = rest.pop(0)
            flag, is_joined, value = word.partition("=")
            if word == "-" or not word.startswith("-"):
                self.words.append(word)
            elif (flag if is_joined else word) not in self.flags:
                raise self.unknown(word)
            elif is_joined:
                self.given.setdefault(flag, []).append(value)
            elif self.flags[word] == 1:
                if not rest:
                    raise self.unknown(word)
                self.given.setdefault(word, []).append(rest.pop(0))
            else:
                self.given.setdefault(word, []).append("")
        self.understand()

    def one(self, *flags):
        """The value of a flag, by any of its names."""
        return next((self.given[flag][-1] for flag in flags if flag in self.given), "")

    def has(self, *flags):
        """Whether one of them was given."""
        return any(flag in self.given for flag in flags)

    def unknown(self, word):
        """Its complaint about a flag."""
        return Refused(f"error: unknown option '{word}'")

    def understand(self):
        """Take from the flags what matters; `Refused` if one is missing."""

    def prompt(self):
        """All of stdin: who leaves it open waits for ever."""
        said = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        given = " ".join(self.words)
        if not said and not given:
            raise Refused("Error: Input must be provided either through stdin or as a prompt argument")
        return said or given

    # --- sessions

    def new_session(self):
        """What a new one is called."""
        return new_id()

    def no_session(self):
        """Its complaint about an id that it does not know."""
        return Refused(f"No conversation found with session ID: {self.resume}")

    def from_elsewhere(self, folder, here):
        """Where a session goes on that began in another folder; most do not find it."""
        raise self.no_session()

    def resumed_mode(self, mode):
        """In which mode it goes on."""
        return self.mode

    def keep(self):
        """The session with what this call has used."""
        session = self.session
        session.calls += self.calls
        self.state.keep_session(self.name, session.id, [session.folder, session.calls, session.mode])

    # --- what it does

    def refusal(self, tool):
        """Why a tool is not permitted in this mode; empty if it is."""
        raise NotImplementedError

    @property
    def may_write(self):
        """Whether the mode is one for writing."""
        return not self.refusal("file")

    def moves(self, folder):
        """The session goes on in another folder."""
        self.session.folder = folder
        os.makedirs(folder, exist_ok=True)

    def put(self, path, text):
        """Write a file where the session works."""
        target = os.path.join(self.session.folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)

    def works(self, tool, path, text, refused=False):
        """A tool is used, or refused."""
        why = self.denial if refused else self.refusal(tool)
        if not why:
            self.put(path, text)
        self.calls += 1
        self.worked(tool, path, text, why)

    def emit(self, **event):
        """One line of JSON."""
        sys.stdout.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def complain(self, text):
        """One line on stderr."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def hang(self):
        """It waits for its provider, and will for hours."""
        while True:
            time.sleep(60)


MESSAGES = {
    400: "prompt is too long: 250000 tokens > 200000 maximum",
    401: "invalid x-api-key",
    404: "model `nonesuch` not found",
    429: "Rate limit reached",
    500: "Internal server error",
}


def clock(moment):
    """A time of day as limits tell it."""
    return time.strftime("%-I:%M%p", time.gmtime(moment)).lower()


class Claude(Dialect):
    """Claude Code."""

    name, version, default_model = "claude", "2.1.197 (Claude Code)", "claude-sonnet-4-5"
    flags = {
        "-p": 0, "--print": 0, "--output-format": 1, "--input-format": 1, "--verbose": 0, "--model": 1, "--permission-mode": 1,
        "--dangerously-skip-permissions": 0, "--allow-dangerously-skip-permissions": 0, "--resume": 1, "-r": 1,
        "--session-id": 1, "--fork-session": 0, "--continue": 0, "-c": 0, "--tools": 1, "--allowedTools": 1,
        "--disallowedTools": 1, "--max-turns": 1, "--max-budget-usd": 1, "--fallback-model": 1, "--effort": 1,
        "--append-system-prompt": 1, "--settings": 1, "--add-dir": 1, "--bare": 0,
    }  # fmt: skip

    def understand(self):
        """Headless, and as a stream."""
        if not self.has("-p", "--print"):
            raise Refused("Error: no terminal to talk in; use -p")
        if self.one("--output-format") == "stream-json" and not self.has("--verbose"):
            raise Refused("Error: When using --print, --output-format=stream-json requires --verbose")
        is_free = self.has("--dangerously-skip-permissions")
        if is_free and os.geteuid() == 0 and os.environ.get("IS_SANDBOX") != "1":
            raise Refused(
                "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons"
            )
        self.mode = "bypassPermissions" if is_free else self.one("--permission-mode") or "default"
        if self.mode not in ("plan", "default", "acceptEdits", "bypassPermissions", "dontAsk", "auto"):
            raise Refused(f"error: option '--permission-mode <mode>' argument '{self.mode}' is invalid.")
        self.model = self.one("--model") or self.default_model
        self.resume = self.one("--resume", "-r")
        self.denials = []

    def no_session(self):
        """It tells on stdout too."""
        why = f"No conversation found with session ID: {self.resume}"
        self.emit(
            type="result", subtype="error_during_execution", is_error=True, num_turns=0, duration_api_ms=0,
            session_id=new_id(), total_cost_usd=0, usage={}, modelUsage={}, permission_denials=[], errors=[why],
        )  # fmt: skip
        return Refused(why)

    def new_session(self):
        """It may be chosen."""
        return self.one("--session-id") or new_id()

    def refusal(self, tool):
        """By the mode."""
        if self.mode == "bypassPermissions" or (self.mode == "acceptEdits" and tool == "file"):
            return ""
        return "Cannot write while in plan mode." if self.mode == "plan" else "you haven't granted it yet"

    def opens(self, prompt):
        """Something like a command is not shown to the model at all."""
        self.emit(
            type="system", subtype="init", cwd=self.session.folder, session_id=self.session.id, tools=["Bash", "Write"],
            model=self.model, permissionMode=self.mode, claude_code_version="2.1.197",
        )  # fmt: skip
        if prompt.startswith("/"):
            self.calls = 0
            self.result(f"Unknown command: {prompt.split()[0]}", num_turns=0, duration_api_ms=0)
            return 0
        return None

    def moves(self, folder):
        """Its stream tells where it is."""
        super().moves(folder)
        self.opens("")

    def message(self, kind, content, **more):
        """What one side says."""
        stub = {"input_tokens": FRESH, "cache_read_input_tokens": CACHED, "output_tokens": 1}
        model = more.pop("model", self.model)
        message = {"role": kind, "model": model, "content": [content], "usage": stub}
        self.emit(type=kind, message=message, parent_tool_use_id=None, session_id=self.session.id, **more)

    def says(self, text):
        """A word in between."""
        self.message("assistant", {"type": "text", "text": text})

    def worked(self, tool, path, text, why):
        """A use of a tool and what came of it."""
        name = "Write" if tool == "file" else "Bash"
        given = {"file_path": path, "content": text} if tool == "file" else {"command": f"echo > {path}"}
        number = f"toolu_{new_id()[:8]}"
        self.message("assistant", {"type": "tool_use", "id": number, "name": name, "input": given})
        done = {"tool_use_id": number, "type": "tool_result", "content": why or "File created successfully"}
        self.message("user", {**done, "is_error": True} if why else done)
        if why and self.mode != "plan":
            self.denials.append({"tool_name": name, "tool_use_id": number, "tool_input": given})

    def result(self, text, **more):
        """Its last line; tokens of this run alone, the cache apart."""
        calls = self.calls
        usage = {
            "input_tokens": FRESH * calls, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED * calls,
            "output_tokens": WRITTEN * calls,
        }  # fmt: skip
        by_model = {
            "inputTokens": FRESH * calls, "outputTokens": WRITTEN * calls, "cacheReadInputTokens": CACHED * calls,
            "cacheCreationInputTokens": 0, "webSearchRequests": 0, "costUSD": COST * calls,
        }  # fmt: skip
        event = {
            "subtype": "success", "is_error": False, "api_error_status": None, "duration_ms": 157, "duration_api_ms": 37,
            "num_turns": calls, "result": text, "session_id": self.session.id, "total_cost_usd": COST * calls,
            "usage": usage, "modelUsage": {self.model: by_model} if calls else {}, "permission_denials": self.denials,
            "terminal_reason": "completed",
        }  # fmt: skip
        self.emit(type="result", **{**event, **more})
        self.keep()

    def ends(self, reply):
        """All went well."""
        if reply:
            self.says(reply)
        self.result(reply)

    def retries(self, status, times=2):
        """Told line by line."""
        words = {401: "authentication_failed", 429: "rate_limit", 500: "server_error"}
        for number in range(1, times + 1):
            delay = 500.0 * 2 ** min(number, 6)
            self.emit(
                type="system", subtype="api_retry", attempt=number, max_retries=times, retry_delay_ms=delay,
                error_status=status, error=words.get(status, "server_error"), session_id=self.session.id,
            )  # fmt: skip
            time.sleep(delay / 1000 / QUICKER)

    def _error(self, text, status, reason="completed"):
        self.calls = 0
        self.message("assistant", {"type": "text", "text": text}, model="<synthetic>", error="error")
        self.result(
            text,
            is_error=True,
            api_error_status=status,
            terminal_reason=reason,
            num_turns=1,
            duration_api_ms=0,
        )
        return 1

    def fails(self, status):
        """After tries of its own."""
        if status in (401, 429, 500):
            self.retries(status, int(os.environ.get("CLAUDE_CODE_MAX_RETRIES", "10")))
        texts = {
            400: ("Prompt is too long · the request is ~250000 tokens (limit 200000)", "prompt_too_long"),
            401: ("Invalid API key · Fix external API key", "completed"),
            404: ("There's an issue with the selected model (nonesuch). It may not exist or you may not have access to it.", "completed"),
            429: ("API Error: Request rejected (429) · Rate limit reached", "completed"),
        }  # fmt: skip
        text, reason = texts.get(status, (f"API Error: {status} {MESSAGES[500]}", "completed"))
        return self._error(text, status, reason)

    def limited(self, until, told):
        """With a subscription it tells the second; words of a test's own are all there is."""
        if not told:
            info = {
                "status": "rejected",
                "resetsAt": int(until),
                "rateLimitType": "five_hour",
                "isUsingOverage": False,
            }
            self.emit(
                type="rate_limit_event", rate_limit_info=info, uuid=new_id(), session_id=self.session.id
            )
        return self._error(f"You've hit your session limit · resets {told or clock(until) + ' (UTC)'}", 429)


class Qwen(Claude):
    """Qwen Code: a stream like Claude's, errors that look like answers."""

    name, version, default_model = "qwen", "0.15.10", "coder-model"
    flags = {
        "--auth-type": 1, "-m": 1, "--model": 1, "-o": 1, "--output-format": 1, "--approval-mode": 1, "-y": 0, "--yolo": 0,
        "--resume": 1, "-r": 1, "-c": 0, "--continue": 0, "--session-id": 1, "-p": 1, "--prompt": 1, "--max-session-turns": 1,
        "--include-partial-messages": 0, "--input-format": 1, "--exclude-tools": 1, "--allowed-tools": 1, "--core-tools": 1,
        "--sandbox": 0, "-s": 0, "--chat-recording": -1, "--max-wall-time": 1, "--max-tool-calls": 1,
    }  # fmt: skip

    def understand(self):
        """By its approval mode."""
        self.mode = "yolo" if self.has("-y", "--yolo") else self.one("--approval-mode") or "default"
        if self.mode not in ("plan", "default", "auto-edit", "yolo"):
            raise Refused(f'Invalid values:\n  Argument: approval-mode, Given: "{self.mode}"')
        self.model = self.one("-m", "--model") or self.default_model
        self.resume = self.one("--resume", "-r")
        self.denials = []

    def unknown(self, word):
        """With yargs' words."""
        return Refused(f"Unknown argument: {word.lstrip('-')}")

    def no_session(self):
        """On stderr alone."""
        return Refused(
            f"No saved session found with ID {self.resume}. Run `qwen --resume` without an ID to choose."
        )

    def refusal(self, tool):
        """Tools are not even offered."""
        if self.mode == "yolo" or (self.mode == "auto-edit" and tool == "file"):
            return ""
        return "no write or shell tool declared"

    def opens(self, prompt):
        """Commands are for the model."""
        self.emit(
            type="system", subtype="init", uuid=self.session.id, session_id=self.session.id, cwd=self.session.folder,
            model=self.model, permission_mode=self.mode, qwen_code_version="0.15.10",
        )  # fmt: skip

    def worked(self, tool, path, text, why):
        """What is not offered is not used."""
        if why == self.refusal(tool) and why:
            self.says(f"NO-TOOL: {why}")
        else:
            super().worked(tool, path, text, why)

    def result(self, text, **more):
        """Tokens of the whole session, those from the cache included."""
        calls = self.calls + self.session.calls
        usage = {
            "input_tokens": (FRESH + CACHED) * calls, "output_tokens": WRITTEN * calls,
            "cache_read_input_tokens": CACHED * calls, "total_tokens": (FRESH + CACHED + WRITTEN) * calls,
        }  # fmt: skip
        event = {
            "subtype": "success", "is_error": False, "duration_ms": 552, "duration_api_ms": 175, "num_turns": max(calls, 1),
            "result": text, "session_id": self.session.id, "usage": usage, "permission_denials": self.denials,
        }  # fmt: skip
        self.emit(type="result", **{**event, **more})
        self.keep()

    def retries(self, status, times=2):
        """In silence."""
        time.sleep(times / QUICKER)

    def fails(self, status):
        """As an answer, with exit code 0; it never gives up where it is told to slow down."""
        if status == 429:
            self.hang()
        self.calls = 0
        self.ends(f"[API Error: {status} {MESSAGES[status]}]")
        return 0

    def limited(self, until, told):
        """In silence."""
        if not told:
            self.hang()
        self.calls = 0
        self.ends(f"[API Error: 429 You exceeded your current quota, usage limit reached; resets {told}]")
        return 0


class Codex(Dialect):
    """Codex."""

    name, version, default_model = "codex", "codex-cli 0.169.0", "gpt-5-codex"
    flags = {
        "--json": 0, "--skip-git-repo-check": 0, "-m": 1, "--model": 1, "-o": 1, "--output-last-message": 1, "-C": 1, "--cd": 1,
        "-s": 1, "--sandbox": 1, "--dangerously-bypass-approvals-and-sandbox": 0, "--yolo": 0, "-c": 1, "--config": 1,
        "--output-schema": 1, "--color": 1, "--ephemeral": 0, "--full-auto": 0, "-p": 1, "--profile": 1, "--add-dir": 1,
    }  # fmt: skip
    _ONLY_NEW = ("-s", "--sandbox", "-C", "--cd", "--full-auto", "--add-dir", "--color", "-p", "--profile")

    def understand(self):
        """`exec`, or `exec resume ID`."""
        if not self.words or self.words.pop(0) not in ("exec", "e"):
            raise Refused("Error: stdin is not a terminal")
        if self.words and self.words[0] == "resume":
            if wrong := next((flag for flag in self._ONLY_NEW if flag in self.given), None):
                raise self.unknown(wrong)
            if len(self.words) < 2:
                raise Refused("Error: no session was named")
            self.resume = self.words[1]
            del self.words[:2]
        if len(self.words) > 1:
            raise self.unknown(self.words[1])
        settings = dict(
            text.partition("=")[::2] for flag in ("-c", "--config") for text in self.given.get(flag, ())
        )
        self.mode = self.one("-s", "--sandbox") or settings.get("sandbox_mode", "read-only").strip("\"'")
        if self.has("--dangerously-bypass-approvals-and-sandbox", "--yolo"):
            self.mode = "danger-full-access"
        if self.mode not in ("read-only", "workspace-write", "danger-full-access"):
            raise Refused(f"error: invalid value '{self.mode}' for '--sandbox <SANDBOX_MODE>'", 2)
        if self.one("-C", "--cd"):
            os.chdir(self.one("-C", "--cd"))
        if (
            not self.has("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
            and not _in_git()
        ):
            raise Refused("Not inside a trusted directory and --skip-git-repo-check was not specified.")
        self.model = self.one("-m", "--model") or self.default_model

    def unknown(self, word):
        """With clap's words."""
        return Refused(
            f"error: unexpected argument '{word}' found\n\nUsage: codex exec [OPTIONS] [PROMPT]", 2
        )

    def prompt(self):
        """`-` is stdin; beside a prompt as an argument it is read to its end all the same."""
        said = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        given = "".join(word for word in self.words if word != "-")
        if not said and not given:
            raise Refused("No prompt provided via stdin.")
        return f"{given}\n<stdin>\n{said}\n</stdin>" if given and said else said or given

    def no_session(self):
        """Of the rollout that is not there."""
        why = f"no rollout found for thread id {self.resume} (code -32600)"
        return Refused(f"Error: thread/resume: thread/resume failed: {why}")

    def from_elsewhere(self, folder, here):
        """It simply goes on here."""
        return here

    def refusal(self, tool):
        """By the operating system."""
        return "Read-only file system" if self.mode == "read-only" else ""

    def opens(self, prompt):
        """With a warning that means nothing."""
        self.items = 0
        self.complain(
            "WARNING: proceeding, even though we could not create PATH aliases: Refusing to create helper binaries"
        )
        self.emit(type="thread.started", thread_id=self.session.id)
        self.item(
            type="error",
            message=f"Model metadata for `{self.model}` not found. Defaulting to fallback metadata.",
        )
        self.emit(type="turn.started")

    def item(self, **item):
        """Something that is complete."""
        self.emit(type="item.completed", item={"id": f"item_{self.items}", **item})
        self.items += 1

    def says(self, text):
        """A word in between."""
        self.item(type="agent_message", text=text)

    def worked(self, tool, path, text, why):
        """All by the shell; what is refused is only told by its output."""
        command = f"/bin/bash -lc \"printf > '{path}'\""
        started = {
            "id": f"item_{self.items}",
            "type": "command_execution",
            "command": command,
            "status": "in_progress",
        }
        self.emit(type="item.started", item=started)
        done = {
            "aggregated_output": why,
            "exit_code": 1 if why else 0,
            "status": "failed" if why else "completed",
        }
        self.item(type="command_execution", command=command, **done)

    def ends(self, reply):
        """Tokens of the whole session, those from the cache included."""
        if reply:
            self.says(reply)
        self.keep()
        calls = self.session.calls
        usage = {
            "input_tokens": (FRESH + CACHED) * calls, "cached_input_tokens": CACHED * calls, "cache_write_input_tokens": 0,
            "output_tokens": WRITTEN * calls, "reasoning_output_tokens": 8 * calls,
        }  # fmt: skip
        self.emit(type="turn.completed", usage=usage)
        if path := self.one("-o", "--output-last-message"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(reply)

    _WORDS = {
        401: "unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:1/v1/responses",
        404: "unexpected status 404 Not Found: model `nonesuch` does not exist",
        429: "exceeded retry limit, last status: 429 Too Many Requests",
        500: "We’re currently experiencing high demand, which may cause temporary errors.",
    }

    def retries(self, status, times=2):
        """As errors, though it goes on."""
        for number in range(1, times + 1):
            self.emit(type="error", message=f"Reconnecting... {number}/5 ({self._WORDS[status]})")
            time.sleep(0.2 * 2**number / QUICKER)

    def _error(self, text):
        self.emit(type="error", message=text)
        self.emit(type="turn.failed", error={"message": text})
        self.calls = 0
        self.keep()
        return 1

    def fails(self, status):
        """After five tries."""
        if status == 400:
            return self._error(
                json.dumps({"error": {"message": MESSAGES[400], "type": "invalid_request_error"}})
            )
        if status != 404:
            self.retries(status, 5)
        return self._error(self._WORDS[status])

    def limited(self, until, told):
        """With a time of day, of this machine's zone."""
        at = told or time.strftime("%-I:%M %p", time.localtime(until + 60))
        return self._error(
            "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit "
            f"https://chatgpt.com/settings/usage to purchase more credits or try again at {at}."
        )


class Cursor(Claude):
    """Cursor's CLI."""

    name, version, default_model = "cursor-agent", "2026.11.01-abcdef", "auto"
    flags = {
        "-p": 0, "--print": 0, "--trust": 0, "--output-format": 1, "--stream-partial-output": 0, "--model": 1, "-m": 1,
        "--mode": 1, "--plan": 0, "--force": 0, "-f": 0, "--yolo": 0, "--resume": 1, "--continue": 0, "--sandbox": 1,
        "--workspace": 1, "-a": 1, "--api-key": 1, "--approve-mcps": 0, "--auto-review": 0,
    }  # fmt: skip

    def understand(self):
        """Headless and trusted."""
        if not self.has("-p", "--print"):
            raise Refused("Error: no terminal to talk in; use --print")
        if not self.has("--trust"):
            raise Refused("Workspace Trust Required: pass --trust to trust this workspace")
        self.mode = "plan" if self.has("--plan") else self.one("--mode") or "agent"
        if self.mode not in ("plan", "ask", "agent"):
            raise Refused(f"error: option '--mode <mode>' argument '{self.mode}' is invalid.")
        self.model = self.one("-m", "--model") or self.default_model
        self.resume = self.one("--resume")
        self.denials = []

    def no_session(self):
        """On stderr alone."""
        return Refused(f"Error: chat {self.resume} not found")

    def refusal(self, tool):
        """Without force it edits, and commands need an approval; in its sandbox they run."""
        if self.mode != "agent":
            return f"not permitted in {self.mode} mode"
        is_free = self.has("--force", "-f", "--yolo", "--auto-review") or self.one("--sandbox") == "enabled"
        return "" if is_free or tool == "file" else "proposed only: needs approval"

    def opens(self, prompt):
        """Much like Claude's."""
        self.emit(
            type="system", subtype="init", apiKeySource="env", cwd=self.session.folder, session_id=self.session.id,
            model=self.model, permissionMode="default",
        )  # fmt: skip

    def says(self, text):
        """A word in between."""
        message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        self.emit(type="assistant", message=message, session_id=self.session.id)

    def worked(self, tool, path, text, why):
        """Begun and completed."""
        given = {"args": {"path": path, "fileText": text}}
        done = (
            {"rejected": {"path": path, "reason": why}}
            if why
            else {"success": {"path": path, "linesCreated": 1}}
        )
        call = {"call_id": new_id(), "session_id": self.session.id}
        self.emit(type="tool_call", subtype="started", tool_call={"writeToolCall": given}, **call)
        self.emit(
            type="tool_call",
            subtype="completed",
            tool_call={"writeToolCall": {**given, "result": done}},
            **call,
        )

    def result(self, text, **more):
        """Without any usage."""
        self.emit(
            type="result", subtype="success", is_error=False, duration_ms=50, duration_api_ms=50, result=text,
            session_id=self.session.id, request_id=new_id(),
        )  # fmt: skip
        self.keep()

    def retries(self, status, times=2):
        """In silence."""
        time.sleep(times / QUICKER)

    def fails(self, status):
        """On stderr alone."""
        words = {
            401: "Error: Authentication required. Please run 'agent login' first, or set CURSOR_API_KEY environment variable.",
            404: "Error: Cannot use this model: model nonesuch not found",
        }
        self.complain(words.get(status, f"Error: {status} {MESSAGES[status]}"))
        return 1

    def limited(self, until, told):
        """On stderr alone."""
        self.complain(f"Error: You've hit your usage limit; resets {told or clock(until) + ' (UTC)'}")
        return 1


class OpenCode(Dialect):
    """opencode."""

    name, version, default_model = "opencode", "1.18.33", "fake/fake-model"
    denial = "The user has specified a rule which prevents you from using this specific tool call."
    flags = {
        "--format": 1, "-m": 1, "--model": 1, "--agent": 1, "--auto": 0, "--yolo": 0, "--session": 1, "-s": 1, "--fork": 0,
        "-c": 0, "--continue": 0, "--dir": 1, "--print-logs": 0, "--log-level": 1, "--title": 1, "--variant": 1,
        "--thinking": 0, "-f": 1, "--file": 1, "--command": 1, "--pure": 0,
    }  # fmt: skip

    def understand(self):
        """`run`, with an agent of its own."""
        if not self.words or self.words.pop(0) != "run":
            raise Refused("opencode run [message..]")
        self.mode = self.one("--agent") or "build"
        self.model = self.one("-m", "--model") or self.default_model
        if "/" not in self.model:
            raise Refused(f"Error: Model not found: {self.model}/.")
        self.resume = self.one("--session", "-s")
        self.rules = json.loads(os.environ.get("OPENCODE_CONFIG_CONTENT") or "{}").get("permission", {})

    def unknown(self, word):
        """Its help, on stderr."""
        return Refused("opencode run [message..]\n\nrun opencode with a message")

    def new_session(self):
        """In a form of its own."""
        return f"ses_{new_id().replace('-', '')[:26]}"

    def no_session(self):
        """On stderr alone."""
        return Refused("Error: Session not found")

    def from_elsewhere(self, folder, here):
        """It works where the session began, says nothing and stays."""
        self.is_lost = True
        return folder

    def refusal(self, tool):
        """Its plan agent forbids the tool for files only; the rules given at the start forbid what they say."""
        rules = self.rules if isinstance(self.rules, dict) else {"edit": self.rules, "bash": self.rules}
        rule = rules.get("edit" if tool == "file" else "bash", rules.get("*", "allow"))
        rule = rule.get("*", "allow") if isinstance(rule, dict) else rule
        is_denied = rule == "deny" or (rule == "ask" and not self.has("--auto", "--yolo"))
        if is_denied or (self.mode == "plan" and tool == "file"):
            return self.denial
        return ""

    def event(self, kind, **part):
        """One line, as its stream has them."""
        part = {"messageID": "msg_1", "sessionID": self.session.id, **part}
        self.emit(type=kind, timestamp=int(time.time() * 1000), sessionID=self.session.id, part=part)

    def opens(self, prompt):
        """Nothing until the model answers."""
        if getattr(self, "is_lost", False):
            self.put("lost", "worked elsewhere\n")
            self.hang()

    def says(self, text):
        """A word in between."""
        self.event("text", type="text", text=text)

    def step(self, reason):
        """What one call of the model has used, the cache apart."""
        tokens = {
            "total": 1290,
            "input": FRESH,
            "output": 48,
            "reasoning": 8,
            "cache": {"write": 0, "read": CACHED},
        }
        self.event("step_finish", type="step-finish", reason=reason, tokens=tokens, cost=COST)

    def worked(self, tool, path, text, why):
        """A step of its own."""
        self.event("step_start", type="step-start")
        name = "write" if tool == "file" else "bash"
        given = {"filePath": path, "content": text} if tool == "file" else {"command": f"echo > {path}"}
        state = {
            "status": "error" if why else "completed",
            "input": given,
            "error" if why else "output": why or "Wrote it.",
        }
        self.event("tool_use", type="tool", tool=name, callID="call_1", state=state)
        self.step("tool-calls")

    def ends(self, reply):
        """There is no last line but that of the last step."""
        self.event("step_start", type="step-start")
        if reply:
            self.says(reply)
        self.step("stop")
        self.keep()

    def retries(self, status, times=2):
        """In silence."""
        time.sleep(times / QUICKER)

    def fails(self, status):
        """An event, and exit code 1."""
        data = {"message": MESSAGES[status], "statusCode": status, "isRetryable": status in (429, 500)}
        if status == 429:
            data["responseHeaders"] = {"retry-after": "2"}
        error = {"name": "APIError", "data": data}
        if status == 400:
            error = {"name": "ContextOverflowError", "data": {"message": MESSAGES[400]}}
        self.emit(type="error", timestamp=int(time.time() * 1000), sessionID=self.session.id, error=error)
        self.keep()
        return 1

    def limited(self, until, told):
        """It obeys the provider, for hours and in silence, but for its log."""
        if told:
            data = {
                "message": f"You've hit your usage limit, resets {told}",
                "statusCode": 429,
                "isRetryable": False,
            }
            self.emit(
                type="error", timestamp=0, sessionID=self.session.id, error={"name": "APIError", "data": data}
            )
            return 1
        if self.has("--print-logs"):
            self.complain(
                'timestamp=2026-11-20T12:10:09.526Z level=ERROR run=fbe8ef73 message="stream error" providerID=fake '
                f"modelID=fake-model session.id={self.session.id} small=false agent=build mode=primary "
                'error.error="AI_APICallError: The usage limit has been reached"'
            )
        self.hang()


class Gemini(Dialect):
    """Gemini CLI."""

    name, version, default_model = "gemini", "0.61.0", "gemini-2.5-pro"
    denial = "Tool execution denied by policy."
    flags = {
        "-m": 1, "--model": 1, "-o": 1, "--output-format": 1, "--skip-trust": 0, "--approval-mode": 1, "-y": 0, "--yolo": 0,
        "--resume": 1, "-r": 1, "--session-id": 1, "-p": 1, "--prompt": 1, "--include-directories": 1, "--policy": 1,
        "-s": 0, "--sandbox": 0, "--allowed-tools": 1, "-e": 1, "--extensions": 1,
    }  # fmt: skip

    def understand(self):
        """By its approval mode, in a folder that is trusted."""
        self.mode = "yolo" if self.has("-y", "--yolo") else self.one("--approval-mode") or "default"
        if self.mode not in ("plan", "default", "auto_edit", "yolo"):
            raise Refused(f'Invalid values:\n  Argument: approval-mode, Given: "{self.mode}"')
        if not self.has("--skip-trust") and os.environ.get("GEMINI_CLI_TRUST_WORKSPACE") != "true":
            raise Refused("Gemini CLI is not running in a trusted directory. Pass --skip-trust.", 55)
        self.model = self.one("-m", "--model") or self.default_model
        self.resume = self.one("--resume", "-r")

    def unknown(self, word):
        """With yargs' words."""
        return Refused(f"Unknown argument: {word.lstrip('-')}")

    def no_session(self):
        """With a code of its own."""
        return Refused(f'Error resuming session: Invalid session identifier "{self.resume}".', 42)

    def refusal(self, tool):
        """By its policy."""
        if self.mode == "yolo" or (self.mode == "auto_edit" and tool == "file"):
            return ""
        return "Tool execution denied by policy. You are in Plan Mode and cannot modify source code."

    def opens(self, prompt):
        """With chatter on stderr."""
        self.complain("Ripgrep is not available. Falling back to GrepTool.")
        self.emit(type="init", timestamp=_now(), session_id=self.session.id, model=self.model)
        self.emit(type="message", timestamp=_now(), role="user", content=prompt)

    def says(self, text):
        """In pieces."""
        for piece in (text[:7], text[7:]) if len(text) < 1000 else (text,):
            self.emit(type="message", timestamp=_now(), role="assistant", content=piece, delta=True)

    def worked(self, tool, path, text, why):
        """A use of a tool and what came of it."""
        name = "write_file" if tool == "file" else "run_shell_command"
        given = {"file_path": path, "content": text} if tool == "file" else {"command": f"echo > {path}"}
        self.emit(type="tool_use", timestamp=_now(), tool_name=name, tool_id="tool_1", parameters=given)
        done = (
            {"status": "error", "output": why, "error": {"type": "policy_violation", "message": why}}
            if why
            else {"status": "success"}
        )
        self.emit(type="tool_result", timestamp=_now(), tool_id="tool_1", **done)

    def stats(self, calls):
        """Tokens of this run alone, those from the cache included."""
        one = {
            "total_tokens": 1298 * calls, "input_tokens": (FRESH + CACHED) * calls, "output_tokens": WRITTEN * calls,
            "cached": CACHED * calls, "input": FRESH * calls,
        }  # fmt: skip
        return {**one, "duration_ms": 314, "tool_calls": calls - 1, "models": {self.model: one}}

    def ends(self, reply):
        """All went well."""
        if reply:
            self.says(reply)
        self.emit(type="result", timestamp=_now(), status="success", stats=self.stats(self.calls))
        self.keep()

    def retries(self, status, times=2):
        """On stderr alone."""
        for number in range(1, times + 1):
            if status == 429:
                self.complain(
                    f"Attempt {number} failed: Rate limit reached\nSuggested retry after 2s.. Retrying after 5285ms"
                )
            else:
                self.complain(
                    f"Attempt {number} failed with status {status}. Retrying with backoff... _ApiError: {status}"
                )
            time.sleep(0.05)

    def _error(self, message, code):
        error = {"type": "unknown", "message": message}
        self.emit(type="result", timestamp=_now(), status="error", error=error, stats=self.stats(0))
        return code

    def fails(self, status):
        """With codes that are those of HTTP, cut to a byte; it tries again for minutes where that may help."""
        if status in (429, 500):
            self.retries(status, 10)
            self.hang()
        error = {"error": {"code": status, "message": MESSAGES[status]}}
        return self._error(f"[API Error: {json.dumps(error)}]", status % 256)

    def limited(self, until, told):
        """It knows no end of it."""
        tail = f"; resets {told}" if told else ""
        return self._error(
            f"[API Error: You have exhausted your daily quota on this model{tail}.]\nPlease wait and try again later.",
            173,
        )


class Copilot(Dialect):
    """GitHub Copilot CLI."""

    name, version, default_model = "copilot", "1.0.102", "gpt-5.4"
    denial = "Permission denied because no interactive user response was available."
    flags = {
        "--output-format": 1, "--no-color": 0, "--no-auto-update": 0, "--disable-builtin-mcps": 0, "--no-ask-user": 0, "--plan": 0,
        "--allow-all": 0, "--yolo": 0, "--allow-all-tools": 0, "--allow-all-paths": 0, "--allow-all-urls": 0, "--resume": -1,
        "--mode": 1, "--model": 1, "-p": 1, "--prompt": 1, "-s": 0, "--silent": 0, "--log-dir": 1, "--log-level": 1,
        "--usage-output-file": 1, "--deny-tool": 1, "--allow-tool": 1, "--session-id": 1, "--stream": 1, "--continue": 0,
        "--add-dir": 1, "--no-custom-instructions": 0, "--available-tools": 1, "--excluded-tools": 1, "--autopilot": 0,
    }  # fmt: skip

    def understand(self):
        """A mode, and what may be used."""
        self.mode = (
            "plan" if self.has("--plan") else "autopilot" if self.has("--autopilot") else self.one("--mode")
        )
        if self.mode not in ("", "plan", "interactive", "autopilot"):
            raise Refused(f"error: option '--mode <mode>' argument '{self.mode}' is invalid.")
        self.model = self.one("--model") or os.environ.get("COPILOT_MODEL") or self.default_model
        self.resume = self.one("--resume")
        if self.has("--resume") and not self.resume:
            raise Refused("Error: no session to resume without a terminal")

    def no_session(self):
        """On stderr alone."""
        return Refused(f"Error: No session, task, or name matched '{self.resume}'.")

    def from_elsewhere(self, folder, here):
        """It works where the session began, and says nothing of it."""
        return folder

    def resumed_mode(self, mode):
        """A session that was for planning stays so unless told otherwise."""
        return self.mode or mode

    def refusal(self, tool):
        """By mode, and by what was allowed."""
        if self.mode == "plan":
            return "Plan mode does not permit changes outside the session folder."
        denied = [word for value in self.given.get("--deny-tool", ()) for word in value.split(",")]
        allowed = [word for value in self.given.get("--allow-tool", ()) for word in value.split(",")]
        name = "write" if tool == "file" else "shell"
        is_free = self.has("--allow-all", "--yolo", "--allow-all-tools") or name in allowed
        return self.denial if not is_free or name in denied else ""

    def event(self, kind, **data):
        """One line of many."""
        self.emit(type=kind, data=data, id=new_id(), timestamp=_now(), parentId=None)

    def opens(self, prompt):
        """With much that means nothing."""
        self.event("session.tools_updated", model=self.model)
        self.event("user.message", content=prompt)
        self.event("assistant.turn_start", turnId="0")

    def says(self, text):
        """A word in between."""
        self.event("assistant.message", messageId=new_id(), model=self.model, content=text, toolRequests=[])

    def worked(self, tool, path, text, why):
        """A use of a tool and what came of it."""
        call = {"toolCallId": "call_1", "model": self.model}
        name = "create" if tool == "file" else "bash"
        given = {"path": path, "file_text": text} if tool == "file" else {"command": f"echo > {path}"}
        self.event(
            "assistant.message",
            messageId=new_id(),
            content="",
            toolRequests=[{"name": name, "arguments": given}],
        )
        self.event("tool.execution_start", toolName=name, arguments=given, **call)
        done = (
            {"success": False, "error": {"message": why, "code": "denied"}}
            if why
            else {"success": True, "result": {"content": "done"}}
        )
        self.event("tool.execution_complete", **call, **done)

    def result(self, code):
        """The only line that names the session."""
        usage = {"premiumRequests": 0, "totalApiDurationMs": 20, "sessionDurationMs": 256}
        self.emit(type="result", timestamp=_now(), sessionId=self.session.id, exitCode=code, usage=usage)
        self.keep()
        if path := self.one("--usage-output-file"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"modelMetrics": {}}, file)
        return code

    def ends(self, reply):
        """All went well."""
        if reply:
            self.says(reply)
        self.event("assistant.turn_end", turnId="0")
        self.result(0)

    def retries(self, status, times=2):
        """Told by events."""
        for number in range(times):
            self.event(
                "model.call_failure",
                model=self.model,
                statusCode=status,
                retryAttempt=number,
                failureKind="api",
            )
            self.event("assistant.turn_retry", turnId="0", model=self.model, reason="api_error")
            self.event(
                "session.info",
                infoType="model_retry",
                message="Request failed due to a transient API error. Retrying...",
            )

    def _error(self, kind, message, status):
        self.event("session.error", errorType=kind, message=message, statusCode=status)
        return self.result(1)

    def fails(self, status):
        """After tries of its own."""
        if status in (401, 429, 500):
            self.retries(status)
        kinds = {401: "authentication", 429: "rate_limit"}
        words = {401: "Authentication failed with provider at http://127.0.0.1:1/v1 (HTTP 401)."}
        return self._error(
            kinds.get(status, "query"), words.get(status, f"{status} {MESSAGES[status]}"), status
        )

    def limited(self, until, told):
        """It knows no end of it."""
        return self._error(
            "rate_limit", f"429 The usage limit has been reached{'; resets ' + told if told else ''}", 429
        )


class Aider(Dialect):
    """aider."""

    name, version, default_model = "aider", "aider 0.86.2", "gpt-4o"
    flags = {
        "--model": 1, "--chat-mode": 1, "--message-file": 1, "-f": 1, "--message": 1, "-m": 1, "--yes-always": 0,
        "--no-auto-commits": 0, "--no-dirty-commits": 0, "--no-pretty": 0, "--no-stream": 0, "--no-check-update": 0,
        "--no-show-release-notes": 0, "--analytics-disable": 0, "--no-analytics": 0, "--no-gitignore": 0,
        "--no-show-model-warnings": 0, "--no-detect-urls": 0, "--no-suggest-shell-commands": 0, "--map-tokens": 1,
        "--llm-history-file": 1, "--chat-history-file": 1, "--input-history-file": 1, "--no-fancy-input": 0, "--dry-run": 0,
        "--no-restore-chat-history": 0, "--disable-playwright": 0, "--no-auto-lint": 0, "--no-auto-test": 0, "--no-git": 0,
        "--subtree-only": 0, "--encoding": 1, "--no-browser": 0, "--no-gui": 0, "--no-copy-paste": 0, "--no-notifications": 0,
    }  # fmt: skip

    def understand(self):
        """Whatever is asked with yes."""
        if not self.has("--yes-always"):
            raise Refused("EOFError: nobody there to answer")
        if not self.has("--message-file", "-f", "--message", "-m"):
            raise Refused("EOFError: no message")
        self.mode = self.one("--chat-mode") or "code"
        self.model = self.one("--model") or self.default_model

    def unknown(self, word):
        """With argparse's words."""
        return Refused(f"aider: error: unrecognized arguments: {word}", 2)

    def prompt(self):
        """In a file."""
        if not (path := self.one("--message-file", "-f")):
            return self.one("--message", "-m")
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except OSError as error:
            raise Refused(f"Error reading message file: {error}") from None

    def refusal(self, tool):
        """Nothing is applied where it is only asked."""
        if self.mode == "ask" or self.has("--dry-run"):
            return "no edits applied"
        return "not suggested" if tool == "shell" and self.has("--no-suggest-shell-commands") else ""

    def opens(self, prompt):
        """A banner; and its history, in the repository unless it is told where."""
        history = self.one("--chat-history-file") or os.path.join(
            self.session.folder, ".aider.chat.history.md"
        )
        with open(history, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n# aider chat started\n")
        print(
            f"Aider v0.86.2\nMain model: {self.model} with diff edit format\nGit repo: .git with 1 files\nRepo-map: disabled\n",
            flush=True,
        )

    def says(self, text):
        """Plain text."""
        print(text, flush=True)

    def worked(self, tool, path, text, why):
        """As edits, applied at the end."""
        print(f"{path}\n```\n<<<<<<< SEARCH\n=======\n{text}>>>>>>> REPLACE\n```\n", flush=True)
        if not why:
            print(f"Applied edit to {path}", flush=True)

    def ends(self, reply):
        """With its bill."""
        print(f"{reply}\n", flush=True)
        cost = 0.0024 * self.calls
        print(
            f"Tokens: {1.2 * self.calls:.1f}k sent, {56 * self.calls} received. Cost: ${cost:.4f} message, ${cost:.4f} session.",
            flush=True,
        )

    _ERRORS = {
        401: "AuthenticationError",
        400: "ContextWindowExceededError",
        429: "RateLimitError",
        404: "NotFoundError",
        500: "InternalServerError",
    }

    def retries(self, status, times=2):
        """In words."""
        for number in range(times):
            self._litellm(status, MESSAGES[status])
            print(f"Retrying in {0.2 * 2**number:.1f} seconds...", flush=True)

    def _litellm(self, status, message):
        kind = self._ERRORS[status]
        print(f"litellm.{kind}: {kind}: OpenAIException - {message}", flush=True)

    def fails(self, status):
        """With exit code 0."""
        if status in (429, 500):
            self.retries(status, 8)
        self._litellm(status, MESSAGES[status])
        if status == 401:
            print("The API provider is not able to authenticate you. Check your API key.", flush=True)
        return 0

    def limited(self, until, told):
        """After tries of its own, with exit code 0."""
        tail = f"; resets {told}" if told else ""
        for _ in range(3):
            self._litellm(429, f"The usage limit has been reached{tail}")
            print(
                "The API provider has rate limited you. Try again later or check your quotas.\nRetrying in 0.2 seconds...",
                flush=True,
            )
        self._litellm(429, f"The usage limit has been reached{tail}")
        return 0


def _now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def _in_git():
    folder = os.getcwd()
    while folder != os.path.dirname(folder):
        if os.path.exists(f"{folder}/.git"):
            return True
        folder = os.path.dirname(folder)
    return False


DIALECTS = {one.name: one for one in (Claude, Codex, Cursor, OpenCode, Gemini, Qwen, Copilot, Aider)}
