"""The way of a run's attempts to the machines that it names."""

from contextlib import ExitStack

from peal.errors import PealError
from peal.jobs.job import Job
from peal.machines import refusals, used
from peal.machines.named import called, needs_of
from peal.machines.remote import RemoteDoor
from peal.run.session import Session
from peal.sandbox.wanted import Wanted
from peal.system import git
from peal.views.screens import Screen
from peal.work.programs import Programs


def door_to_machines(
    job: Job,
    programs: Programs,
    screen: Screen,
    open_now: Session,
    stack: ExitStack,
    sandbox: Wanted | None = None,
) -> RemoteDoor:
    """
    Once the machines are met; tells which are left out, and why. `stack` is that of the run. PealError where attempts could run
    on none.
    """
    if not (pool := job.pool):
        raise PealError(
            "on machines (`run_on`, --machines) each attempt has a worktree; take --no-commit out, or the machines"
        )
    tip = pool.tip()
    refusals.check(pool.repo, tip)
    fleet = open_now.fleet(job.roster.settings)
    stack.enter_context(fleet.closed_with(programs.cancel))
    told = fleet.begin(sandbox)
    used.note(job.repo_paths, job.roster.settings.run_on)
    leaving = {
        name
        for pipeline in job.pipelines.values()
        for phase in pipeline.phases
        if not phase.is_at_branch
        for name in phase.agents
    }
    needs = needs_of({name: job.roster.agents[name] for name in sorted(leaving)}, pool.repo, tip)
    for name, need in needs.items():
        told += fleet.check(name, need)
    for text in open_now.news(told):
        screen.say(text)
    return RemoteDoor(
        repo=pool.repo,
        repository=called(pool.repo),
        object_format=git.object_format(pool.repo),
        fleet=fleet,
        needs=needs,
        sandbox=sandbox,
        setup=pool.setup,
        included=pool.included,
        committed=pool.committed,
        scratch=programs.scratch,
        put=programs.put,
        cancel=programs.cancel,
    )
