"""What is said of a backlog's run when it is over, and by `peal status`, `logs` and their like."""

import json
import re
import shlex

import pytest
import test_backlog_run
from test_backlog_run import Wishes, ready

wishes, planned = test_backlog_run.wishes, test_backlog_run.planned


def nexts(said: str) -> list[str]:
    """What a person may type next."""
    return [line.removeprefix("next: ") for line in said.splitlines() if line.startswith("next: ")]


def commands(text: str) -> list[list[str]]:
    """The commands of peal that a text names, as words behind `peal`."""
    return [shlex.split(command)[1:] for command in re.findall("`(peal [^`]*)`", text)]


@pytest.mark.parametrize("nothing", ["an empty backlog", "a block", "a cap of none", "an edit"])
def test_a_run_that_could_begin_nothing_has_a_status(wishes: Wishes, nothing: str) -> None:
    if nothing != "an empty backlog":
        wishes.put(ready("WRK-001"))
    if nothing == "a block":
        wishes.repo.peal("backlog", "block", "1", "--reason", "Which?")
    if nothing == "an edit":
        wishes.repo.write("backlog/WRK-001.md", wishes.repo.read("backlog/WRK-001.md") + "\nMore.\n")
    code = {"a block": 1, "an edit": 4}.get(nothing, 0)
    wishes.run(*(["--cap", "0"] if nothing == "a cap of none" else []), code=code)

    shown = wishes.repo.peal("status").stdout
    watched = wishes.repo.peal("status", "--watch").stdout
    told = json.loads(wishes.repo.peal("status", "--json").stdout)

    assert re.match(rf"backlog: finished for \S+, exit code {code}: .*\nnothing was begun\n", shown)
    assert watched == shown
    assert (told["state"], told["exit_code"], told.get("tasks", [])) == ("finished", code, [])


def test_no_attempt_is_shown_instead_of_itself(wishes: Wishes) -> None:
    wishes.put(ready("WRK-001"))
    wishes.does("build", "answer failed 'no'")
    wishes.run(code=1)

    said = wishes.repo.peal("logs", "1").stdout
    ((*words,),) = commands(said)

    assert words == ["logs", "WRK-001/build", "build", "--attempt", "2"]
    assert "attempt 2" in wishes.repo.peal(*words).stdout
