"""The machines that settings name, and what a repository and its agents are called there."""

import hashlib
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from attrs import evolve

from peal.agents.protocol import Agent
from peal.errors import PealError
from peal.machines.equipment import Need, leads_out, path_in_repository
from peal.machines.fleet import Fleet
from peal.machines.link import Begin, Link, by_command
from peal.machines.machine import Machine
from peal.machines.placing import Offer, Placing
from peal.machines.rpc import LinkError
from peal.settings import MachineSettings, Settings
from peal.system import git
from peal.system.layout import RepoPaths

_SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "--")
_LOCAL = re.compile(r"local(?::(\d+))?")


def fleet_of(
    settings: Settings, repo_paths: RepoPaths, watch: Callable[[int], None], everywhere: bool = False
) -> Fleet:
    """
    All machines that are named; PealError for what is none. No link is begun yet, but clusters are asked who is there.

    `watch` has to be told of what is started here, so that it ends with peal. `everywhere` is each worker of a cluster, whatever
    `count` says: runs have taken any.
    """
    offers: list[Offer] = []
    machines: dict[str, Machine] = {}
    for name, begin, table in _named(settings, repo_paths, partial(by_command, watch=watch), everywhere):
        if name in machines:
            raise PealError(f"machine `{name}` is named twice; take one out")
        machines[name] = Machine(name, begin, settings.machine_silence_sec, table.start_sec)
        offers.append(Offer(name, table.places))
    return Fleet(machines, Placing(offers))


def needs_of(agents: Mapping[str, Agent], repo: Path, commit: str) -> dict[str, Need]:
    """
    What each agent needs of a machine.

    What it runs of the repository itself goes there as it is in the commits; PealError if that is in none.
    """
    for agent in agents.values():
        for word in agent.programs:
            if leads_out(word, repo):
                raise PealError(
                    f"agent `{agent.name}`: `{word}` is not in the repository, so machines do not have it there; install it there "
                    "and give its name"
                )
            path = path_in_repository(word, repo)
            if path and not git.output(repo, "ls-tree", "--name-only", commit, "--", path):
                raise PealError(
                    f"agent `{agent.name}`: `{word}` is in no commit, so machines do not have it; commit it, or install it "
                    "there and give its name"
                )
    return {name: Need.of(agent, repo) for name, agent in agents.items()}


def _named(
    settings: Settings, repo_paths: RepoPaths, begin: Callable[[Sequence[str]], Link], everywhere: bool
) -> Iterator[tuple[str, Begin, MachineSettings]]:
    """Each machine with what begins a link to it, and what else is said of it."""
    clusters: dict[str, str] = {}
    for name in settings.run_on:
        table = settings.machines.get(name, MachineSettings())
        if url := table.url or ("://" in name and name):
            if clusters.setdefault(url, name) != name:
                raise PealError(f"machines `{clusters[url]}` and `{name}` are one cluster; take one out")
            wanted = None if everywhere else table.count
            yield from _workers(name, url, evolve(table, count=wanted), settings, repo_paths.repo)
        elif table.command:
            for number in range(1, (table.count or 1) + 1):
                one = f"{name}-{number}" if (table.count or 1) > 1 else name
                words = [word.replace("{number}", str(number)) for word in table.command]
                yield one, partial(begin, words), table
        elif local := _LOCAL.fullmatch(name):
            for number in range(1, int(local[1] or 1) + 1):
                home = repo_paths.machines / f"local-{number}"
                argv = (sys.executable, "-m", "peal", "machine", "--home", str(home))
                yield f"local-{number}", partial(begin, argv), table
        elif ":" in name:
            raise PealError(
                f"machine `{name}`: a number is for `local` alone; write [machines.NAME] with `count`"
            )
        else:
            yield name, partial(begin, (*_SSH, name, "peal", "machine")), table


def _workers(
    name: str, url: str, table: MachineSettings, settings: Settings, repo: Path
) -> Iterator[tuple[str, Begin, MachineSettings]]:
    """
    The machines of a Dask cluster, each of which has one worker at a time, whichever that is; PealError if there are none now.

    Numbers are theirs and not the workers', who come and go.
    """
    if url.startswith("tcp:") and not settings.insecure:
        raise PealError(
            f"machines `{name}`: what goes to `{url}` can be read and changed on its way; give the cluster TLS and write `tls:`, "
            "or say --insecure; for commands without that flag, `PEAL_INSECURE=true`"
        )
    from peal.machines.dask_link import Cluster

    named = {key: getattr(table, key) for key in ("ca", "cert", "key")}
    try:
        cluster = Cluster.of(
            url, {key: repo / Path(path).expanduser() for key, path in named.items() if path}
        )
        workers = len(cluster.workers())
    except LinkError as error:
        told = str(error)
        raise PealError(told if name in told else f"machines `{name}`: {told}") from None
    if not workers:
        raise PealError(
            f"machines `{name}`: `{url}` has no workers; start `dask worker` where attempts are to run"
        )
    for number in range(1, (table.count or workers) + 1):
        yield f"{name.rpartition('://')[2]}-{number}", cluster.begin, table


def called(repo: Path) -> str:
    """
    What a repository is called on machines, in each run: another has the same only if its path and its host's name are, as in
    containers. Then they share what is kept, one after another.
    """
    return hashlib.sha256(f"{platform.node()}\0{repo}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
