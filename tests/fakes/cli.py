"""
A stand-in for a coding CLI: `main(NAME, ARGUMENTS)` behaves as the CLI of that name does, without any model.

What the model would do stands in the prompt, one order per line, as `WRITE hello.txt: Hello`. An order may be meant
for some phases or CLIs only: `execute: FAIL 500 x2`, `claude plan: SAY hello`. What each does stands at its method.
Sessions and the limits of accounts are kept in the folder `$FAKE_CLIS`, and each call leaves a file there.
"""

import os
import re
import sys
import time

from dialects import DIALECTS, Refused, Session
from state import State

_ORDER = re.compile(r"^(?:([a-z ]+): )?([A-Z]{3,})(?: (.*))?$", re.MULTILINE)
_PHASES = ("plan", "execute", "address")


class Script:
    """The orders of a prompt, carried out one after another."""

    def __init__(self, cli, state, prompt):
        self.cli, self.state = cli, state
        self.replies, self.is_empty, self.last = [], False, None
        self.orders = [
            (word, rest or "") for for_whom, word, rest in _ORDER.findall(prompt) if self._is_for(for_whom)
        ]

    def _is_for(self, for_whom):
        words = for_whom.split()
        phases = [word for word in words if word in _PHASES]
        names = [word for word in words if word not in _PHASES]
        is_phase = not phases or os.environ.get("PEAL_PHASE") in phases
        return is_phase and (not names or self.cli.name.partition("-")[0] in names)

    def run(self):
        """The exit code."""
        for word, rest in self.orders:
            if order := getattr(self, f"do_{word}", None):
                code = order(rest)
                if code is not None:
                    return code
        self.cli.ends("" if self.is_empty else self._reply())
        if self.last:
            self.last()
        return 0

    def _reply(self):
        if self.replies:
            return "\n".join(self.replies)
        return "DONE: it is as it should be." if self.cli.may_write else "PLAN: first read, then write."

    def do_WRITE(self, rest):  # noqa: N802
        """`WRITE path: text`, by the tool for files."""
        path, text = rest.split(": ", 1)
        self.cli.works("file", path, text + "\n")

    def do_SHELL(self, rest):  # noqa: N802
        """`SHELL path: text`: the same by a shell command."""
        path, text = rest.split(": ", 1)
        self.cli.works("shell", path, text + "\n")

    def do_PLANWRITE(self, rest):  # noqa: N802
        """`PLANWRITE path`: a file appears although the mode allows none."""
        self.cli.put(rest, "leaked\n")

    def do_DENIED(self, rest):  # noqa: N802
        """`DENIED path`: a tool is refused whatever the flags say."""
        if self.cli.may_write:
            self.cli.works("file", rest, "never\n", refused=True)

    def do_SAY(self, rest):  # noqa: N802
        """`SAY text`: the answer."""
        self.replies.append(rest)

    def do_EMPTY(self, _rest):  # noqa: N802
        """No answer at all."""
        self.is_empty = True

    def do_LEAK(self, rest):  # noqa: N802
        """`LEAK NAME`: a variable's value, in answer and errors."""
        value = os.environ.get(rest, f"{rest} is not set")
        self.replies.append(f"the value is {value}")
        print(f"warning: {value}", file=sys.stderr, flush=True)

    def do_DIE(self, rest):  # noqa: N802
        """`DIE NAME`: ends in the middle, with a variable's value as its last word."""
        print(f"fatal: {os.environ.get(rest)} is not accepted", file=sys.stderr, flush=True)
        return 1

    def do_SLOW(self, rest):  # noqa: N802
        """`SLOW seconds`."""
        time.sleep(float(rest))

    def do_GATE(self, rest):  # noqa: N802
        """`GATE name`: says that it has begun, and waits until the test lets it go on."""
        self.state.touch(f"begun-{rest}")
        while not self.state.has(f"go-{rest}"):
            time.sleep(0.02)

    def do_HANG(self, rest):  # noqa: N802
        """`HANG [name]`: silence."""
        self.state.touch(f"begun-{rest}")
        while True:
            time.sleep(60)

    def do_FLOOD(self, _rest):  # noqa: N802
        """No end of output."""
        while True:
            self.cli.says("x" * 10_000)

    def do_BIG(self, _rest):  # noqa: N802
        """A line of 3 MB, as tools print that read whole files."""
        self.cli.says("x" * 3_000_000)

    def do_STUBBORN(self, _rest):  # noqa: N802
        """Does not end when asked to."""
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def do_CHILD(self, rest):  # noqa: N802
        """`CHILD path`: leaves a child in a session of its own that would write the file after a while."""
        import subprocess

        quiet = subprocess.DEVNULL
        words = ("sh", "-c", 'sleep "$2"; echo late > "$1"', "sh", rest, "90")
        subprocess.Popen(words, start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)

    def do_LINGER(self, _rest):  # noqa: N802
        """Stays after its last word."""
        self.last = lambda: self.do_HANG("lingering")

    def do_CUT(self, _rest):  # noqa: N802
        """Dies in the middle of a line, with exit code 0."""
        sys.stdout.write('{"type":"resul')
        sys.stdout.flush()
        return 0

    def do_ELSEWHERE(self, rest):  # noqa: N802
        """`ELSEWHERE folder`: a resumed session goes on in another folder than the one it was started in."""
        if self.cli.session.is_resumed:
            self.cli.moves(rest)

    def do_RETRIES(self, rest):  # noqa: N802
        """`RETRIES 429`: an error of the provider that passes within the CLI."""
        self.cli.retries(int(rest))

    def do_FAIL(self, rest):  # noqa: N802
        """`FAIL 500 x2`: the task's first two calls fail so; `FAIL LIMIT for 3`: the account's limit is reached so long.

        `FAIL LIMIT for 3 at 6pm`: the same, and its end is told in these words, true or not.
        """
        kind, _, more = rest.partition(" ")
        if kind == "LIMIT":
            return self._limit(more)
        times = re.search(r"x(\d+)", more)
        key = f"{os.environ.get('PEAL_TASK')}-{self.cli.name}-{rest}"
        if times and not self.state.is_among_first(int(times[1]), key):
            return None
        return self.cli.fails(int(kind))

    def _limit(self, more):
        until, told = self.state.limited(self.cli.name)
        if until > time.time():
            return self.cli.limited(until, told)
        if not self.state.is_among_first(1, f"{self.cli.name}-LIMIT-{more}"):
            return None  # it was reached once, and is over
        told_at = re.match(r"(?:for \d+ )?at (.*)", more)
        for_seconds = re.match(r"for (\d+)", more)
        until = float(int(time.time()) + int(for_seconds[1] if for_seconds else 3 * 3600))
        self.state.limit(self.cli.name, until, told_at[1] if told_at else "")
        return self.cli.limited(until, told_at[1] if told_at else "")


def main(name, words):
    """The exit code."""
    cli = DIALECTS[name](State())
    if "--version" in words:
        print(cli.version)
        return 0
    if "--help" in words:
        print(f"Usage: {name} [OPTIONS]", *(f"  {flag}" for flag in cli.flags), sep="\n")
        return 0
    try:
        cli.parse(words)
        prompt = cli.prompt()
        cli.state.log(name, words, prompt)
        cli.session = Session.of(cli)
        until, told = cli.state.limited(name)
        if until > time.time():
            cli.opens(prompt)
            return cli.limited(until, told)
        code = cli.opens(prompt)
        return Script(cli, cli.state, prompt).run() if code is None else code
    except Refused as refused:
        print(refused, file=sys.stderr)
        return refused.code
