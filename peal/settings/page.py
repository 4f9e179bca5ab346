"""The settings as pages: a new `peal.toml`, and `docs/settings.md` by `python -m peal.settings.page > docs/settings.md`."""

import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from attrs import NOTHING, Attribute

from peal import settings
from peal.settings import (
    AgentSettings,
    BacklogSettings,
    ExecutionSettings,
    GuardrailSettings,
    ItemPhaseSettings,
    MachineSettings,
    NotifySettings,
    PhaseSettings,
    PipelineSettings,
    PriceSettings,
    ReviewerSettings,
    StetPatternSettings,
)

_INSTEAD_OF_NOTHING = {
    "model": "opus",
    "sandbox_writable": ["~/.cargo/registry"],
    "sandbox_hidden": ["~/Documents"],
    "sandbox_env": ["NPM_TOKEN"],
    "run_on": ["build1", "build2"],
    "branch": "feature/{plan}",
    "base": "main",
    "max_cost": 20.0,
    "max_tokens": 5_000_000,
    "redact": ["MY_SECRET"],
    "max_consecutive_task_failures": 3,
    "worktree_setup": "npm ci",
    "worktree_include": [".env"],
    "commit_ignored": ["lib/*"],
    "idle_timeout_sec": 300,
    "phase_timeout_minutes": 30,
    "prompts": "prompts",
    "profile": "tolerant",
    "phase_3_retry_count": 1,
    "min_plan_text_len": 200,
    "normalize_prompt_path": "normalize.md",
    "stet_path": "tools/stet",
    "stet_start_ref": "origin/main",
    "stet_start_extra_args": ["--strictness", "strict"],
    "stet_run_extra_args": ["--verify"],
    "stet_commands": ["./prepare-review", "./review --json"],
    "post_run_commands": ["./notify 'peal is done'"],
    "post_run_timeout_sec": 60,
    "run_summary_path": "summary.json",
    "report_path": "report.html",
    "report_every_sec": 60,
    "pr": "draft",
    "log_file": "peal.log",
    "command": ["./tell-me", "--loudly"],
    "urls": ["ntfys://ntfy.sh/my-topic"],
}
"""What a new file shows for the keys that have no value by default."""

_TABLES = """\
# What differs by phase: [phases.plan], [phases.execute] and [phases.address].
#[phases.plan]
#agent = "claude"
#fallback = ["codex"]        # takes over while the usage limit of the first is reached
#model = "opus"
#timeout_sec = 600
#retry_count = 1

# What differs about a built-in CLI.
#[agents.claude]
#model = "sonnet"
#fallback = ["codex"]
#args = ["--add-dir", "../shared"]
#env = {MY_VARIABLE = "1"}

# Any command as an agent, chosen with agent = "mine". Instead of one command for every phase there can be
# plan = [...], execute = [...] and address = [...].
#[agents.mine]
#command = ["./my-agent", "--do"]
#prompt = "stdin"            # stdin | file | argument, with {prompt_file} or {prompt} in the command
#reply = "claude"            # it replies as that CLI does, for a script around one; else plain text
#env = {MY_VARIABLE = "1"}
#require_change = true       # an `execute` that changed nothing has failed
#idle_timeout_sec = 300

# What a million tokens cost, in US dollars, where the agent does not tell. `*` stands for any letters.
#[prices."gpt-5*"]
#input = 1.25
#cached = 0.125
#output = 10.0

# Machines for `run_on` and --machines that are reached otherwise than by ssh; what gives a pipe to `peal machine` there.
#[machines.box]
#command = "docker run -i --rm my-image peal machine"
#places = {claude = 2}       # attempts at once, for each agent that it takes
#count = 1

# Machines that are the workers of a Dask cluster.
#[machines.lab]
#url = "tls://build.example.org:8786"
#ca = "certs/ca.pem"
#cert = "certs/me.pem"
#key = "certs/me.key"

# Commands that look for something to mend after `execute`, one table for each.
#[[reviewers]]
#name = "tests"
#command = "pytest -q"

# Findings of the reviewer stet that are passed over: the letters are looked for in "MESSAGE PATH". The reason is
# false_positive, already_correct, wrong_suggestion or out_of_scope.
#[[stet_dismiss_patterns]]
#pattern = "generated/"
#reason = "out_of_scope"

# What the items of a backlog go through, one table for each phase. Where nobody says so, there is a pipeline `feature`:
# `peal config pipelines` shows it.
#[[pipelines.feature.pre_phases]]
#name = "research"
#instructions = "Find out what this takes, and write it down."
#
#[[pipelines.feature.phases]]
#name = "build"
#workflows = ["workflows/build.md"]
#is_destructive = true
#
#[[pipelines.feature.phases]]
#name = "test"
#kind = "command"
#command = "make test"
"""

_PLAIN_TABLES = (
    ("backlog", BacklogSettings),
    ("guardrails", GuardrailSettings),
    ("execution", ExecutionSettings),
    ("notify", NotifySettings),
)


def toml(value: Any) -> str:
    """A value as it is written after the `=`; `none` for one that is not set."""
    from tomlkit import item

    if value is None:
        return "none"
    if isinstance(value, dict):
        held = {name: inner for name, inner in value.items() if inner is not None}
        return "{" + ", ".join(f"{name} = {toml(inner)}" for name, inner in held.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    text: str = item(value).as_string()
    return text


def outside_tables() -> "Iterator[Attribute[Any]]":
    """The keys that are a line of the file by themselves: those with a flag, and lists of texts."""
    flagged = {key.name for key in settings.scalars()}
    return (
        key for key in settings.keys(settings.Settings) if key.name in flagged or key.type == tuple[str, ...]
    )


def new_file() -> str:
    """A `peal.toml` that changes nothing: every key with its meaning and its default, all commented out."""
    keys = (line for key in outside_tables() for line in _commented(key))
    return "\n".join([*_opening(), *keys, _TABLES, *_commented_tables()])


def _commented_tables() -> Iterator[str]:
    for name, kind in _PLAIN_TABLES:
        yield from (f"# {_ABOUT[kind]}", f"#[{name}]")
        yield from (line for key in settings.keys(kind) for line in _commented(key) if line)
        yield ""


def _opening() -> list[str]:
    return [
        "# The settings of peal in this repository. A line that begins with `#` and a key shows the default;",
        "# take the `#` away to change it. Flags and PEAL_* variables come before this file: `peal config --sources`",
        "# shows what is in force, and why.",
        "",
    ]


def _commented(key: "Attribute[Any]") -> list[str]:
    value = settings.default(key)
    if value in (None, ()):
        return [
            f"# {_about(key)}; not set by default",
            f"#{key.name} = {toml(_INSTEAD_OF_NOTHING[key.name])}",
            "",
        ]
    return [f"# {_about(key)}", f"#{key.name} = {toml(value)}", ""]


def _about(key: "Attribute[Any]") -> str:
    """What a key means, and what it can be if that is a short list."""
    about: str = key.metadata["help"]
    choices = [kind for kind in (key.type, *get_args(key.type)) if get_origin(kind) is Literal]
    return f"{about} ({', '.join(get_args(choices[0]))})" if choices else about


def page() -> str:
    """The page that lists every key."""
    return "\n".join([_INTRODUCTION, *_scalar_rows(), "", *_table_sections()]) + "\n"


_INTRODUCTION = """\
<!-- Made by `python -m peal.settings.page > docs/settings.md`; change the texts in peal/settings/schema.py. -->

# Settings

What is in force comes, in this order, from flags, from `PEAL_*` variables, from `peal.toml` at the repository's root
and from the defaults. `peal init` makes a `peal.toml` with every key, `peal config KEY VALUE` changes it, and
`peal config --sources` shows what is in force and where it comes from. Another file is read with `--config FILE`.

- A variable that is empty counts as not set. Where a key may be without a value, `none` takes the value away.
- Tables are reached from the command line with `--set phases.plan.model=opus`; the lists of tables are not.
- A list of texts may be one line that is split as a shell would: `--set worktree_include=".env 'local settings'"`.
- A command is started without a shell. One that holds `&&`, `|`, `>`, `;` or `$(` outside of quotes is refused: write
  `sh -c 'make lint && make test'`.
- Unknown keys and values of the wrong kind are errors, and all of them are told at once: `"3"` is no number.
- `post_run_commands` may be one line too, with commas between the commands: `--post-run-commands "npm test, ./notify 'a, b'"`.
- `commit_after_phase2` is another name for `commit`, as key and variable, and with the flags `--commit-after-phase2` and
  `--no-commit-after-phase2` too.
- phase-golem's tables are read as they are: `[agent]` with `cli` and `model` is `agent` and `model`, `[project]` with `prefix` is
  `backlog.prefix`; see [from-phase-golem.md](from-phase-golem.md).
- A file or folder is looked for at the repository's root.
- What `sandbox` and the keys behind it keep programs from, and what not, is in [sandbox.md](sandbox.md).
- `profile` sets three keys where nobody sets them by themselves, whatever source it comes from: `strict` stops at the
  first failure and fails what has findings left or no usable stet; `tolerant` goes on, warns and skips.
- `max_parallel` above 1 turns `parallel` on where the same source does not set it, and 0 or 1 turns it off. A source
  that comes before can still say otherwise: `--no-parallel` wins over `PEAL_MAX_PARALLEL=4`.

## Keys

| key | flag | variable | default | meaning |
|---|---|---|---|---|"""


def _scalar_rows() -> Iterator[str]:
    flagged = settings.scalars()
    for key in outside_tables():
        flag = settings.flag_of(key)
        flags = f"`--{flag}`, `--no-{flag}`" if key.type is bool else f"`--{flag}`"
        ways = (flags, f"`{settings.ENV_PREFIX}{key.name.upper()}`") if key in flagged else ("none", "none")
        yield _row(f"`{key.name}`", *ways, _default(key), _about(key))


def _table_sections() -> Iterator[str]:
    for heading, kind in (
        ("[phases.plan], [phases.execute], [phases.address]", PhaseSettings),
        ("[agents.NAME]", AgentSettings),
        ("[machines.NAME]", MachineSettings),
        ("[prices.MODEL]", PriceSettings),
        ("[[reviewers]]", ReviewerSettings),
        ("[[stet_dismiss_patterns]]", StetPatternSettings),
        *((f"[{name}]", kind) for name, kind in _PLAIN_TABLES),
        ("[pipelines.NAME]", PipelineSettings),
        ("[[pipelines.NAME.pre_phases]], [[pipelines.NAME.phases]]", ItemPhaseSettings),
    ):
        yield from (f"## `{heading}`", "", _ABOUT[kind], "", "| key | default | meaning |", "|---|---|---|")
        yield from (_row(f"`{key.name}`", _default(key), _about(key)) for key in settings.keys(kind))
        yield ""


_ABOUT = {
    PhaseSettings: "What differs from the general settings in one phase.",
    AgentSettings: (
        "What differs about a built-in CLI (`model`, `fallback`, `args`, `env`, `require_change`, `idle_timeout_sec`), or "
        'any command as an agent, chosen with `agent = "NAME"`. The name is made of letters, digits, `_` and `-`; '
        "`auto` and `shell` are taken. Every phase needs a command then: `command`, or one of its own."
    ),
    MachineSettings: (
        "How a machine is reached on which attempts run, by a `command` or by the `url` of a Dask cluster; a name without a table is "
        "a host for ssh, `local:2` means two on this machine, to try it, and `tls://HOST:8786` is a cluster, whose table has that name "
        "in quotes."
    ),
    PriceSettings: (
        "What a million tokens of a model cost in US dollars, for agents that do not tell. The model's name goes in quotes; "
        '`*` stands for any letters, so `[prices."*"]` is for all that have no other.'
    ),
    ReviewerSettings: (
        "A command that says with its exit status whether something is to be mended; its output says what. "
        "One table for each reviewer, in the order they run in."
    ),
    StetPatternSettings: (
        "Findings of stet that are passed over without asking anybody: those in whose message, followed by a blank and the "
        "path, the letters occur. The first pattern that fits counts."
    ),
    BacklogSettings: "Where the items of the backlog are, and what they are called.",
    GuardrailSettings: "What an item may be at most to be worked on without a person's word.",
    ExecutionSettings: (
        "How a backlog is worked on; there it comes before `max_parallel`, `phase_timeout_sec` and `phase_retry_count`, "
        "and their flags before both."
    ),
    NotifySettings: ("Who is told when a run ends, or waits for you; [notify.md](notify.md) has the rest."),
    PipelineSettings: (
        "What the items of a backlog go through. An item that names no pipeline takes `feature`, or the only one there is. "
        "Where there is none at all, `feature` has the phases that `peal config pipelines` shows. The name is made of letters, "
        "digits, `_` and `-`."
    ),
    ItemPhaseSettings: (
        "One table for each phase, in their order; in a pipeline each has a name of its own. "
        "With `staleness` `block`, `execution.max_wip` has to be 1."
    ),
}


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _default(key: "Attribute[Any]") -> str:
    value = settings.default(key)
    if value is NOTHING:
        return "has to be set"
    return f"`{toml(value)}`" if value or value in (0, False) else "not set"


if __name__ == "__main__":
    sys.stdout.write(page())
