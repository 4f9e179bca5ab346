"""Tasks that name what they wait for, in an order that keeps to it."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from peal.model.plan import Task


def in_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """
    The tasks with each behind those that it waits for, and else as they are given.

    What waits for itself stays where it stands, at the end.
    """
    place = {task.id: at for at, task in enumerate(tasks)}
    waits = [{place[one] for one in task.after if one in place} for task in tasks]
    behind: list[list[int]] = [[] for _ in tasks]
    for at, needed in enumerate(waits):
        for one in needed:
            behind[one].append(at)
    open_ = [len(needed) for needed in waits]
    ready = [at for at, count in enumerate(open_) if not count]
    heapify(ready)
    found: list[int] = []
    while ready:
        found.append(first := heappop(ready))
        for at in behind[first]:
            open_[at] -= 1
            if not open_[at]:
                heappush(ready, at)
    left = sorted(set(range(len(tasks))) - set(found))
    return tuple(tasks[at] for at in (*found, *left))
