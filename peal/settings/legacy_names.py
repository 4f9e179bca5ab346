"""Names that settings have elsewhere: in the Rust peal and in phase-golem. What is the same here, or what to use instead."""

OTHER_NAMES = {"commit_after_phase2": "commit"}
"""Names under which a key may be given too."""

PHASE_GOLEM_NAMES = {"agent.cli": "agent", "agent.model": "model", "project.prefix": "backlog.prefix"}
"""Names of its keys in tables that peal does not have, and what is the same here."""

REPLACED = {
    "plan_path": "name the plan behind the command: `peal run PLAN`",
    "repo_path": "pass --repo DIR, or be in the repository",
    "agent_cmd": "describe the command as [agents.NAME] in peal.toml and choose it with `agent`",
    "state_dir": "progress is always kept in `.peal` at the repository's root",
    "log": "set `log_level`",
}
"""Keys that have no meaning here, and what does their work."""

REPLACED_VARIABLES = {"stet_dismiss_patterns": "write [[stet_dismiss_patterns]] tables in peal.toml"}
"""Keys that only the file can hold, whose variable was read once."""

REPLACED_FLAGS = {
    "--plan": REPLACED["plan_path"],
    "--agent-cmd": REPLACED["agent_cmd"],
    "--state-dir": REPLACED["state_dir"],
    "--normalize-retries": "pass --normalize-retry-count N",
}
"""Flags that are gone, and what to type."""
