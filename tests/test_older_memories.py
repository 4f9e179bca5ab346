"""Memories that older versions have left: they load for ever, and what was half done goes on."""

import tarfile
from pathlib import Path

import pytest
from conftest import Repo

MEMORIES = Path(__file__).parent / "data" / "memories"


@pytest.fixture
def shop(tmp_path: Path, environment: dict[str, str]) -> "Shop":
    return Shop(tmp_path, environment)


class Shop:
    """A repository as another version left it: four tasks, of which 2 and 3 go side by side."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, {**environment, "WAIT": ""}

    def as_left(self, name: str) -> Repo:
        """Unpacked from `tests/data/memories`."""
        with tarfile.open(MEMORIES / f"{name}.tar.gz") as packed:
            packed.extraction_filter = getattr(tarfile, "tar_filter", None)  # not there before 3.11.4
            packed.extractall(self.folder)
        return Repo(self.folder / "shop", self.environment)


def test_a_run_that_was_killed_before_phases_had_pipelines_goes_on(shop: Shop) -> None:
    """One task had landed, one had its commit, one was being executed, one was not begun."""
    repo = shop.as_left("before-pipelines-half-done")

    before = repo.peal("status").stdout
    told = repo.peal("resume").stdout

    assert "cut off" in before
    assert "1  done" in before
    assert "task 2 execute" not in told
    assert "task 2 complete" in told
    assert "everything asked for is done: 4 of 4" in told
    assert repo.read("doors.txt") == "shelves\ntea\ncoffee\n"
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("log", "--first-parent", "--format=%s").split("\n")[:4] == [
        "Merge task 4: Doors",
        "Merge task 3: Coffee",
        "Merge task 2: Tea",
        "Merge task 1: Shelves",
    ]


def test_a_run_that_was_done_before_phases_had_pipelines_is_done(shop: Shop) -> None:
    """And what is asked to be done again is done by the phases of today."""
    repo = shop.as_left("before-pipelines-done")

    again = repo.peal("run", "plan.md", "--agent", "shell").stdout
    repo.peal("redo", "4")
    repo.write("tea.txt", "green tea\n")
    repo.git("commit", "-qam", "better tea")
    redone = repo.peal("resume").stdout

    assert "everything asked for is done: 4 of 4" in again
    assert "task 4 complete" in redone
    assert repo.read("doors.txt") == "shelves\ngreen tea\ncoffee\n"
    assert repo.peal("logs", "3").stdout.startswith("== task 3 execute, attempt")
