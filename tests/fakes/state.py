# ruff: noqa: PTH105, PTH109, PTH110, PTH123
"""What the stand-ins remember between calls, in the folder `$FAKE_CLIS`."""

import binascii
import json
import os
import time


class State:
    """Files, each made at once."""

    def __init__(self):
        self.folder = os.environ["FAKE_CLIS"]

    def path(self, name):
        """Where something is kept."""
        return f"{self.folder}/{name}"

    def touch(self, name):
        """Leave a sign."""
        with open(self.path(name.replace("/", "_")), "a", encoding="utf-8"):
            pass

    def has(self, name):
        """Whether there is such a sign."""
        return os.path.exists(self.path(name))

    def log(self, name, words, prompt):
        """A call was made."""
        made = {"name": name, "argv": words, "cwd": os.getcwd(), "env": dict(os.environ), "prompt": prompt}
        self._put(
            f"call-{time.time_ns()}-{os.getpid()}.json", {**made, "at": time.time(), "pid": os.getpid()}
        )

    def is_among_first(self, times, key):
        """Whether this is one of so many first calls with this key; each asks once."""
        name = f"{binascii.crc32(key.encode()):08x}"  # hashlib would take a fifth of the time of a call
        for number in range(times):
            try:
                os.close(os.open(self.path(f"count-{name}-{number}"), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False

    def limit(self, name, until, told):
        """An account has reached its limit."""
        self._put(f"limit-{name}.json", [until, told])

    def limited(self, name):
        """Until when it has, and in which words; (0, "") if it never has."""
        return self._get(f"limit-{name}.json") or (0.0, "")

    def session(self, name, number):
        """What is kept of a session; None if there is none."""
        return self._get(f"session-{name}-{number}.json")

    def keep_session(self, name, number, values):
        """A session for later calls."""
        self._put(f"session-{name}-{number}.json", values)

    def _put(self, name, values):
        temporary = self.path(f".{name}.{os.getpid()}")
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(values, file)
        os.replace(temporary, self.path(name))

    def _get(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None
