"""How waits, runs and attempts end: limits whose end is told late, signals from all sides, kills, and what is told then."""

import time

import pytest
from conftest import Repo, landed
from test_clis import ALL, PROGRAMS, Put, journal, plan, results, resume, run

# Limits whose end has passed by this machine's clock.


def ago(seconds: float, form: str = "%-I:%M%p (UTC)") -> str:
    """A moment so long ago, as limits tell it."""
    return time.strftime(form, time.gmtime(time.time() - seconds))


WEEKLY = "%b %-d at %-I:%M%p (UTC)"


@pytest.mark.parametrize("agent", ALL)
def test_a_reset_that_is_told_late_is_no_day_away(project: Repo, clis: Put, agent: str) -> None:
    clis(PROGRAMS[agent])
    plan(project, f"execute: FAIL LIMIT for 2 at {ago(180)}\nWRITE one.txt: 1")

    run(project, agent, "--transient-retry-count", "0")

    assert set(results(project)) == {"1 plan passed", "1 execute limited", "1 execute passed"}
    assert landed(project) == ["1"]


@pytest.mark.parametrize("agent", ALL)
def test_without_wait_a_reset_that_is_told_late_pauses_and_a_resume_goes_on(
    project: Repo, clis: Put, agent: str
) -> None:
    cli = clis(PROGRAMS[agent])
    plan(project, f"FAIL LIMIT for 3600 at {ago(180)}\nWRITE one.txt: 1")

    said = run(project, agent, "--no-wait", "--transient-retry-count", "0", code=4)
    resume(project, code=4)
    (cli.state / f"limit-{PROGRAMS[agent]}.json").unlink()
    resume(project, "--wait")

    assert f"paused: usage limit of `{agent}` until " in said
    assert landed(project) == ["1"]
    assert not any("failed" in end for end in results(project))


@pytest.mark.parametrize(("late", "form"), [(3600, WEEKLY), (3600, "%-I:%M%p (UTC)"), (20 * 86400, WEEKLY)])
def test_a_reset_that_is_over_for_long_fails_no_task(project: Repo, clis: Put, late: int, form: str) -> None:
    clis("claude")
    plan(project, f"execute: FAIL LIMIT for 3600 at {ago(late, form)}\nWRITE one.txt: 1")

    run(project, "claude", "--no-wait", "--transient-retry-count", "0", code=4)

    assert results(project) == ["1 plan passed", "1 execute limited"]
    (limited,) = (step for step in journal(project) if step["outcome"]["result"] == "limited")
    assert limited["outcome"]["until"] - limited["at"] < 301, "it is asked again soon"


def test_a_limit_that_is_told_to_be_over_in_a_moment_for_ever_fails_no_task(project: Repo, clis: Put) -> None:
    clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600 at in 1s\nWRITE one.txt: 1")

    run(project, "claude", "--no-wait", "--transient-retry-count", "1", code=4)

    assert results(project) == ["1 plan passed", "1 execute transient", "1 execute limited"]


def test_a_limit_that_ends_in_ten_years_is_asked_again_before_and_that_is_told(
    project: Repo, clis: Put
) -> None:
    clis("claude")
    plan(project, "execute: FAIL LIMIT for 3600 at in 3653 days\nWRITE one.txt: 1")

    said = run(project, "claude", "--no-wait", code=4)

    (limited,) = (step for step in journal(project) if step["outcome"]["result"] == "limited")
    assert limited["outcome"]["until"] - limited["at"] <= 3600
    assert "the end that it names is more than a year away, so it is asked again before" in said
