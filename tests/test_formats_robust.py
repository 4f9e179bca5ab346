"""No file can make reading, converting or ticking a plan fail otherwise than with a reason."""

import os
import random
import time
from pathlib import Path

import pytest

from peal.formats import NAMES, converted, parse, ticked

EXAMPLES = Path(__file__).parents[1] / "examples"
CORPUS = Path(os.environ.get("PEAL_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
FRAGMENTS = [
    *[
        "## Task 1: a",
        "- [ ] T001 [P] b",
        "- [ ] 1.1 c (P)",
        "- [x] 2. d",
        "- [ ]* 3. e",
        "### Phase 1: f",
        "## Step 2: g",
    ],
    *[
        "**Status:** done",
        "**Dependencies:** Task 1",
        "_Depends: 1.1_",
        "(parallel)",
        "(after 1)",
        "---",
        "```",
        "<!--",
        "-->",
    ],
    *[
        "- **Status:** pending",
        "**Tasks:**",
        "## Progress",
        "## Tasks / Subtasks",
        "# Story 1.2: h",
        "Status: Done",
        "{",
        "}",
    ],
    *[
        '{"userStories": [{"id": "US-1", "title": "i", "passes": false}]}',
        '{"master": {"tasks": []}}',
        "[",
        "]",
        '"',
        "\\",
    ],
    *[
        '<task type="auto">',
        "<name>Task 1: j</name>",
        "</task>",
        "todos:",
        "  - id: k",
        "    content: l",
        "id: m",
        "status: open",
    ],
    *[
        "- [pending] n",
        "- [ ] Task: o",
        "## Phase 1: p [checkpoint: abc1234]",
        "- [ ] 1.0 q",
        "#### Task Group 1",
        "\t",
        "\x00",
    ],
    *[
        "\ufeff",
        "é",
        "任务 1：",
        "- [ ] Task 1: r (AC: #1)",
        "depends_on: [1]",
        "* [ ]",
        "1. [ ]",
        "|---|",
        "> - [ ] s",
        "    t",
    ],
]
RANDOM = 60
MUTATED = 60


def sources() -> list[bytes]:
    """Plans to be spoiled: our own examples, and those of the corpus where that is there."""
    paths = [path for path in EXAMPLES.rglob("*") if path.suffix in (".md", ".json") and path.is_file()]
    paths += [path for path in CORPUS.glob("*/*") if ".expect." not in path.name]
    return [path.read_bytes()[:6_000] for path in sorted(paths)]


def noise(chance: random.Random) -> bytes:
    """Bytes, or lines of what plans are made of."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randrange(200))
    lines = (chance.choice(FRAGMENTS) for _ in range(chance.randrange(12)))
    return chance.choice(["\n", "\n\n", "\r\n"]).join(lines).encode()


def spoiled(raw: bytes, chance: random.Random) -> bytes:
    """A plan with some of its lines gone, doubled, moved, cut or replaced."""
    lines = raw.split(b"\n")
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                del lines[at : at + chance.randrange(4)]
            case 1:
                lines[at:at] = lines[at : at + 3]
            case 2:
                lines[at] = lines[at][: chance.randrange(1 + len(lines[at]))]
            case 3:
                lines.insert(at, chance.choice(FRAGMENTS).encode())
            case 4:
                lines[at] = lines[at] + chance.randbytes(2)
        lines = lines or [b""]
    return b"\n".join(lines)


def use(raw: bytes, name: str) -> None:
    """Whatever is done with a plan's file: none of it may raise, but a conversion may say that it cannot be."""
    plan = parse(raw, "a.md", name)
    assert plan.tasks or plan.problems
    if plan.problems:
        assert all(problem.line >= 1 and problem.message for problem in plan.problems)
        return
    for task in plan.tasks[:2]:
        ticked(raw, plan.format, task)
    try:
        converted(plan)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a conversion that cannot be is an answer


def shake(name: str, seed: str, times: int) -> None:
    chance = random.Random(seed)
    seeds = sources()
    for _ in range(RANDOM * times):
        use(noise(chance), name)
    for _ in range(MUTATED * times):
        use(spoiled(chance.choice(seeds), chance), chance.choice(["", name]))


@pytest.mark.parametrize("name", NAMES)
def test_spoiled_plans_for_each_format(name):
    shake(name, name, 1)


@pytest.mark.torture
@pytest.mark.parametrize("name", NAMES)
def test_many_thousand_spoiled_plans_for_each_format(name):
    seed = f"{name} {time.time()}"
    print(f"seed: {seed!r}")
    shake(name, seed, 18)
