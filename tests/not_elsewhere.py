"""Tests that cannot hold where every run is on machines (`MACHINES=local:2 pytest …`), each with what is different there."""

REFUSED = "such a repository is refused for machines"
PATHS = "looks for files by where a worktree lies here"
LOST = "what a killed peal had running on a machine is lost with it"

NOT_ELSEWHERE = {
    "test_a_failed_attempt_is_kept_as_a_patch_and_the_next_one_starts_clean": PATHS,
    "test_what_was_cut_short_is_kept_as_a_patch_and_told_to_the_next_attempt[2]": PATHS,
    "test_what_was_cut_short_is_kept_as_a_patch_and_told_to_the_next_attempt[9]": LOST,
    "test_failed_plans_come_again_after_the_rest": PATHS,
    "test_a_failed_plan_that_was_done_by_itself_since_is_done": PATHS,
    "test_resume_takes_up_what_was_run_last": PATHS,
    "test_what_git_has_begun_in_a_tree_is_taken_back_and_lands_later": REFUSED,
    "test_a_worktree_that_is_gone_has_nothing_left_to_be_taken_back": REFUSED,
    "test_a_submodule_that_a_task_moves_is_moved_in_the_branch": REFUSED,
    "test_a_switch_to_the_branch_in_the_moment_of_its_landing_ends_with_the_tree_it_holds": REFUSED,
    "test_what_git_cannot_reach_is_told": "what git could not read there is not told here",
}
"""By name, with or without its parameters."""


def why_not(name: str) -> str:
    """Why a test cannot hold there; empty if it can."""
    return NOT_ELSEWHERE.get(name) or NOT_ELSEWHERE.get(name.partition("[")[0], "")
