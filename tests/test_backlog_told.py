"""What is said of a backlog's run when it is over, and by `peal status`, `logs` and their like afterwards."""

import json

import pytest
import test_backlog_run
from test_backlog_run import Wishes, ready

wishes = test_backlog_run.wishes


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

    assert f"backlog: finished for 0.0s, exit code {code}: " in shown.replace("0.1s", "0.0s")
    assert "nothing was begun" in shown
    assert watched == shown
    assert (told["state"], told["exit_code"], told.get("tasks", [])) == ("finished", code, [])
