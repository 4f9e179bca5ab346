"""Tests that cannot hold where every run is in a sandbox (`SANDBOX=bubblewrap pytest …`), each with what is different there."""

PERSON = (
    "a program of an attempt does there what only the person may do in a sandbox: change their repository"
)
REMOTES = "the git folder of a worktree has no remotes in a sandbox"
OUTSIDE = "git is to write beside the worktree"
NUMBERS = "its agents tell one another apart by their process numbers, which begin anew in each sandbox"

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
    "test_an_agent_that_works_in_the_person_s_tree_has_not_done_its_task": PERSON,
    "test_whatever_it_changes_there_is_named": PERSON,
    "test_what_went_while_a_task_was_worked_on_is_told_once": PERSON,
    "test_a_branch_that_moves_after_the_review_is_merged_and_reviewed_again": PERSON,
    "test_a_submodule_that_a_task_moves_is_moved_in_the_branch": REMOTES,
    "test_the_task_after_works_on_what_the_one_before_has_moved_in_any_worktree": REMOTES,
    "test_reviewers_see_the_submodule_as_it_lands": REMOTES,
    "test_two_tasks_that_move_the_same_submodule_clash_and_neither_is_taken_back": REMOTES,
    "test_a_clash_that_nobody_mends_lands_the_first_and_not_the_second": REMOTES,
    "test_one_after_another_in_one_group_both_moves_stay": REMOTES,
    "test_a_submodule_that_worktree_setup_fills_moves_from_task_to_task": REMOTES,
    "test_the_person_s_own_submodule_is_never_touched": REMOTES,
    "test_git_may_be_told_to_find_no_bare_repository_by_itself": REMOTES,
    "test_a_submodule_that_git_is_to_pass_over_lands_all_the_same": REMOTES,
    "test_places_are_for_all_plans_together": NUMBERS,
}
"""By name, with or without its parameters."""


def why_not(name: str) -> str:
    """Why a test cannot hold there; empty if it can."""
    return NOT_SANDBOXED.get(name) or NOT_SANDBOXED.get(name.partition("[")[0], "")
