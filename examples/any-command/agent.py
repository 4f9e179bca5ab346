#!/usr/bin/env python3
"""
A command as an agent: reads a prompt on standard input, works in the current folder, answers on standard output.

peal tells the phase in PEAL_PHASE; what a task says stands in the prompt between two marked lines.
"""
# ruff: noqa: T201 - printing is how an agent answers

import os
import re
import sys
from pathlib import Path

APPEND = re.compile(r"Append `(?P<text>[^`]+)` to `(?P<file>[^`]+)`")
REPLACE = re.compile(r"Replace `(?P<old>[^`]+)` by `(?P<new>[^`]+)` in `(?P<file>[^`]+)`")


def section(prompt: str, label: str) -> str:
    """What stands between the two lines with this label."""
    found = re.search(rf"^-+ {label} begins -+\n(.*?)^-+ {label} ends -+$", prompt, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def carry_out(task: str) -> str:
    """Do what the task says; tells what was done."""
    if found := APPEND.search(task):
        with Path(found["file"]).open("a") as file:
            file.write(found["text"] + "\n")
        return f"appended a line to {found['file']}"
    if found := REPLACE.search(task):
        path = Path(found["file"])
        text = path.read_text()
        if found["old"] not in text:
            return f"{found['file']} does not say {found['old']}"
        path.write_text(text.replace(found["old"], found["new"]))
        return f"replaced {found['old']} by {found['new']} in {found['file']}"
    sys.exit("this task is beyond me")


def mend(task: str) -> str:
    """End every line of the task's file in a full stop."""
    path = Path((APPEND.search(task) or REPLACE.search(task))["file"])
    lines = path.read_text().splitlines()
    path.write_text("".join(line.rstrip(".") + ".\n" for line in lines))
    return f"ended every line of {path} in a full stop"


prompt = sys.stdin.read()
task = section(prompt, "TASK")
match os.environ["PEAL_PHASE"]:
    case "plan":
        print("1. Do what the task says.")
    case "execute":
        print(carry_out(task))
    case "address":
        print(mend(task))
