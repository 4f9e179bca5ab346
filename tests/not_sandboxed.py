"""Tests that cannot hold where every run is in a sandbox (`SANDBOX=bubblewrap pytest …`), each with what is different there."""

PERSON = (
    "a program of an attempt does there what only the person may do in a sandbox: change their repository"
)
REMOTES = "the git folder of a worktree has no remotes in a sandbox"
OUTSIDE = "git is to write beside the worktree"

_GIT = "test_git_works_for_an_agent_and_the_person_s_repository_stays_as_it_is"
NOT_SANDBOXED = {
    f"{_GIT}[fetch and push]": REMOTES,
    f"{_GIT}[a worktree]": OUTSIDE,
    "test_peal_commits_as_who_began_the_run_whatever_an_agent_sets": PERSON,
    "test_a_tip_that_was_rewritten_may_clash_and_is_not_brought_back": PERSON,
    "test_a_mended_conflict_lands_though_the_branch_moves_between_review_and_landing": PERSON,
    "test_when_the_branch_moves_after_the_review_the_change_is_merged_and_reviewed_again": PERSON,
    "test_what_the_person_took_back_between_review_and_landing_does_not_come_back": PERSON,
    "test_a_task_that_clashes_again_fails": PERSON,
}
"""By name, with or without its parameters."""


def why_not(name: str) -> str:
    """Why a test cannot hold there; empty if it can."""
    return NOT_SANDBOXED.get(name) or NOT_SANDBOXED.get(name.partition("[")[0], "")
