"""A task's worktree: made, cleared, filled, and what of it becomes a commit."""
