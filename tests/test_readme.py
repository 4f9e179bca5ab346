"""The README holds: its commands run in order, its plan and its settings can be read, its table of exit codes is whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen
from forkserver import on_path
from markdown_it import MarkdownIt

from peal import formats
from peal.agents.registry import adapters
from peal.settings import load

ADAPTERS = adapters()
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# These would start these tests again or install from the network; .ci/run calls them instead.
ELSEWHERE = ("make ", "pipx ", "python3 -m pip ", "uv ")
# How .ci/run may write a word of these.
_IN_CI = {"python3": r"\S*python\S*", "install": r"install(?: --force)?", "dist": r"\S*dist\S*"}
# The page says to type these in peal's own folder; they work in a repository of their own.
IN_THIS_FOLDER = "bash examples/"


@frozen
class Block:
    """A fenced block of the page."""

    language: str
    text: str
    before: str
    """The paragraph above it."""


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, from its top to its end."""
    found, paragraph = [], ""
    for token in MarkdownIt("commonmark").parse(page):
        if token.type == "inline":
            paragraph = token.content
        elif token.type == "fence" and token.level == 0:
            found.append(Block(token.info.strip(), token.content, paragraph))
    return found


BLOCKS = blocks_of(README)


def commands() -> list[str]:
    """What a reader is told to type, line by line."""
    lines = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """
    The peal of this Python first on PATH; no variable of an outer peal, nobody's own git configuration.

    A stand-in for claude tells its version and its flags, which is all that the page asks of it.
    """
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text(f"#!/bin/sh\necho {ADAPTERS['claude'].tested} {' '.join(ADAPTERS['claude'].flags)}\n")
    claude.chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PEAL_", "PYTHON", "GIT_", "GITHUB_"))
    }
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": os.pathsep.join(
            (on_path(), str(Path(sys.executable).parent), str(claude.parent), os.environ["PATH"])
        ),
        "TMPDIR": str(tmp_path),
    }


def test_the_page_opens_with_what_it_is_for_and_two_commands() -> None:
    """A reader who stops after the first block knows what peal is and how to see it."""
    assert BLOCKS[0] == Block("sh", "make demo\nmake test\n", BLOCKS[0].before)
    assert README.startswith("# peal\n\npeal carries out a written plan")


def test_every_command_runs_in_order(tmp_path: Path, environment: dict[str, str]) -> None:
    """In a repository with one commit and the files the page says to save, each command ends with 0."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for words in (
        ["init", "--quiet"],
        ["config", "user.name", "A Person"],
        ["config", "user.email", "person@example.org"],
        ["commit", "--quiet", "--allow-empty", "--message", "The first"],
    ):
        subprocess.run(["git", *words], cwd=repository, env=environment, check=True)
    ran = []
    for block in BLOCKS:
        if block.language == "markdown":
            path = repository / re.findall(r"`([^`]+\.md)`", block.before)[-1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        for command in block.text.splitlines() if block.language == "sh" else ():
            if command.startswith(ELSEWHERE):
                continue
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=ROOT if command.startswith(IN_THIS_FOLDER) else repository,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            ran.append(command)

    assert len(ran) >= 10
    assert (repository / "greetings/en.txt").read_text() == "Good morning.\n"


def test_commands_that_are_not_run_here_are_run_elsewhere() -> None:
    """`make` has the targets, and .ci/run calls what would start these tests again."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    skipped = [command for command in commands() if command.startswith(ELSEWHERE)]

    assert skipped == [
        "make demo",
        "make test",
        "pipx install .",
        "uv tool install .",
        "python3 -m pip install .",
        "python3 -m pip wheel --no-deps --wheel-dir dist .",
        "pipx install dist/peal_plans-*.whl",
        "uv tool install dist/peal_plans-*.whl",
    ]
    for command in skipped:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:.*## ", makefile, re.MULTILINE)
        words = [_IN_CI.get(word, re.escape(word)) for word in command.split()]
        assert re.search(rf"(?:^| ){' '.join(words)}$", ci, re.MULTILINE), command


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "toml"])
def test_the_settings_shown_load_without_a_problem(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block is a whole `peal.toml`."""
    for name in [name for name in os.environ if name.startswith("PEAL_")]:
        monkeypatch.delenv(name)
    (tmp_path / "peal.toml").write_text(block.text, encoding="utf-8")

    settings = load(tmp_path, {})

    assert set(settings.origins.values()) == {"peal.toml"}


def test_the_plan_shown_has_no_problem() -> None:
    """It is what the page says: three tasks, two of them side by side."""
    plans = [
        formats.parse(block.text.encode(), "plan.md") for block in BLOCKS if block.language == "markdown"
    ]

    assert [(plan.problems, plan.notes) for plan in plans] == [((), ())]
    assert [segment.tasks for segment in plans[0].segments] == [("1",), ("2", "3")]


def test_every_block_says_what_it_is() -> None:
    """So that none escapes these tests."""
    assert {block.language for block in BLOCKS} <= {"sh", "toml", "markdown"}
