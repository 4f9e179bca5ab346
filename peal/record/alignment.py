"""Which task of a changed plan is which of the tasks known so far: two rows of texts, aligned."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from attrs import field

from peal.classes import define, frozen
from peal.model.plan import NO_WORD, TaskId, Word
from peal.record.task_state import DONE

_MOST_PAIRS = 100_000
"""Pairs of tasks with the same words that are looked at; beyond them, a second or two, nobody can tell any more."""


@frozen
class Known:
    """A task as it was remembered."""

    id: TaskId
    text: str
    standing: str
    """How far it is; empty if nothing would be lost by taking another one for it."""


@frozen
class Read:
    """A task as the plan has it now."""

    id: TaskId
    text: str
    is_ticked: bool = False


@frozen
class Alignment:
    """Two rows of tasks brought together."""

    known_as: tuple[TaskId | None, ...]
    """For each task as read, its id as it was remembered; None for one that is new."""
    unclear: tuple[tuple[TaskId, ...], ...] = ()
    """Tasks with the same words of which it cannot be told which are done, by their new ids."""
    by_neighbours: tuple[tuple[TaskId, ...], ...] = ()
    """Tasks with the same words that were told apart only by what stands before them."""


def align(known: Sequence[Known], read: Sequence[Read], word: Word = NO_WORD) -> Alignment:
    """
    Which task is which: those with the same words are paired, and where several have them, those that kept their order.

    As many as possible keep it. Of several ways to have that, the one counts in which the most tasks stand behind what they
    stood behind. Where the ways disagree on how many are done, or still on which, that is unclear.
    """
    if [task.text for task in known] == [task.text for task in read]:
        return Alignment(tuple(task.id for task in known))
    groups = _groups(known, read)
    open_groups = [group for group in groups if group.needs_order]
    partners = {
        new: group.known[at]
        for group in groups
        if not group.needs_order
        for at, new in enumerate(group.fitting)
    }
    rows = _Rows.of(known, read) if open_groups else None
    unclear, by_neighbours = [], []
    for group in open_groups:
        assert rows is not None
        found = _Settling(group, known, read, word).settled(rows)
        partners |= found.partners
        tasks = tuple(read[at].id for at in group.read)
        if found.is_unclear:
            unclear.append(tasks)
        elif found.is_by_neighbours:
            by_neighbours.append(tasks)
    known_as = tuple(known[partners[at]].id if at in partners else None for at in range(len(read)))
    return Alignment(known_as, tuple(unclear), tuple(by_neighbours))


@frozen
class _Group:
    """The tasks with the same words, by their places in both rows."""

    known: tuple[int, ...]
    read: tuple[int, ...]
    standings: Counter[str]

    @property
    def fitting(self) -> tuple[int, ...]:
        """Those read that can be paired one after the other."""
        return self.read[: len(self.known)]

    @property
    def is_mixed(self) -> bool:
        """Not all of them are equally far."""
        return len(self.standings) > 1

    @property
    def needs_order(self) -> bool:
        """Whether it matters which is which: a single task is known wherever it has moved to."""
        return any(self.standings) and max(len(self.known), len(self.read)) > 1


def _groups(known: Sequence[Known], read: Sequence[Read]) -> list[_Group]:
    before, now = _places(known), _places(read)
    return [
        _Group(
            tuple(before.get(text, ())),
            tuple(places),
            Counter(known[at].standing for at in before.get(text, ())),
        )
        for text, places in now.items()
    ]


def _places(row: Sequence[Known | Read]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for at, task in enumerate(row):
        found[task.text].append(at)
    return found


@define
class _Settled:
    """What came out for the tasks with the same words."""

    partners: dict[int, int] = field(factory=dict)
    is_unclear: bool = False
    is_by_neighbours: bool = False


@frozen
class _Settling:
    """Tells the tasks of one group apart."""

    group: _Group
    known: Sequence[Known]
    read: Sequence[Read]
    word: Word

    def settled(self, rows: "_Rows") -> _Settled:
        """Which of them is which, as far as the rows and a person's word tell."""
        named = [at for at in self.group.read if self.read[at].id in self.word.done]
        others = [at for at in self.group.read if self.read[at].id not in self.word.undone]
        if named:
            return _Settled(self._as_told(named))
        found = self._as_seen(others, rows)
        has_word = len(others) < len(self.group.read)
        return _Settled(self._as_told(others)) if found.is_unclear and has_word else found

    def _as_seen(self, others: list[int], rows: "_Rows") -> _Settled:
        near, kept = rows.behind_the_same, rows.in_order
        if kept is None or near is None:
            return _Settled(is_unclear=self._matters(others))
        found = _Settled(*self._paired(others, near))
        can_lose = self.group.is_mixed and len(self.group.read) < len(self.group.known)
        found.is_unclear |= can_lose and any(len(self._standings(at, kept)) > 1 for at in others)
        found.is_unclear &= self._matters(others)
        in_a_row = others and others[-1] - others[0] == len(others) - 1
        found.is_by_neighbours = not in_a_row and self._is_torn(others, kept)
        return found

    def _matters(self, places: Sequence[int]) -> bool:
        return any(not self.read[at].is_ticked for at in places)

    def _as_told(self, named: list[int]) -> dict[int, int]:
        """The named ones are those that are complete, the others what is left over."""
        complete = [at for at in self.group.known if self.known[at].standing == DONE]
        left = [at for at in self.group.known if self.known[at].standing != DONE]
        others = [at for at in self.group.read if at not in named]
        return dict(zip(named, complete, strict=False)) | dict(zip(others, left, strict=False))

    def _standings(self, at: int, pairs: Mapping[int, list[int]]) -> set[str]:
        """How far a task may be, by all it could have been."""
        return {self.known[old].standing for old in pairs.get(at, ())}

    def _is_torn(self, places: Sequence[int], pairs: Mapping[int, list[int]]) -> bool:
        """Whether a task may be one or another of those that are differently far, or more tasks than there are may be done."""
        wanted = Counter(standing for at in places for standing in self._standings(at, pairs))
        too_many = any(
            count > self.group.standings[standing] for standing, count in wanted.items() if standing
        )
        return too_many or any(len(self._standings(at, pairs)) > 1 for at in places)

    def _paired(self, places: Sequence[int], pairs: Mapping[int, list[int]]) -> tuple[dict[int, int], bool]:
        """Each task with one that it could have been, and whether that is unclear."""
        partners: dict[int, int] = {}
        free = dict.fromkeys(self.group.known)
        for at in places:
            standings = self._standings(at, pairs)
            exact = (old for old in pairs.get(at, ()) if old in free)
            equal = (old for old in free if self.known[old].standing in standings)
            if (old := next(chain(exact, equal), None)) is not None:
                partners[at] = old
                del free[old]
        new = [at for at in places if at not in partners]
        may_have_moved = bool(new) and any(self.known[old].standing for old in free)
        return partners | dict(zip(new, free, strict=False)), may_have_moved or self._is_torn(places, pairs)


@frozen
class _Rows:
    """What the tasks can have been if as many as possible have kept their order; None where that is too much to look at."""

    in_order: dict[int, list[int]] | None
    behind_the_same: dict[int, list[int]] | None
    """The same if also as many as possible stand behind what they stood behind."""

    @classmethod
    def of(cls, known: Sequence[Known], read: Sequence[Read]) -> "_Rows":
        """Both, for two rows."""
        texts = {task.text for task in known} & {task.text for task in read}
        before = [at for at, task in enumerate(known) if task.text in texts]
        now = [at for at, task in enumerate(read) if task.text in texts]
        behind_before, behind_now = _behind(known), _behind(read)
        each = max(len(known), len(read)) + 1

        def weight(old: int, new: int) -> int:
            return each + (behind_before[old] == behind_now[new])

        band = max(abs(len(before) - len(now)), 8)
        while (pairs := _pairs(known, read, before, now, band)) is not None:
            near, total = _best(pairs, weight, len(read))
            kept = total // each
            if max(len(before), len(now)) - kept <= band:
                return cls(_best(pairs, lambda *_: 1, len(read))[0], near)
            band *= 2
        return cls(None, None)


def _behind(row: Sequence[Known | Read]) -> list[tuple[str, int]]:
    """What each task stands behind: the last one with other words, and how many with the same words since."""
    found: list[tuple[str, int]] = []
    for at, task in enumerate(row):
        is_again = at and row[at - 1].text == task.text
        found.append((found[-1][0], found[-1][1] + 1) if is_again else (row[at - 1].text if at else "", 0))
    return found


_Pairs = list[tuple[int, list[int]]]
"""Places in the old row in order, each with the places in the new one that have the same words, in order."""


def _pairs(
    known: Sequence[Known], read: Sequence[Read], before: Sequence[int], now: Sequence[int], band: int
) -> _Pairs | None:
    """Those that are no more than `band` places apart; None if they are too many."""
    ranks: dict[str, list[int]] = defaultdict(list)
    for rank, at in enumerate(now):
        ranks[read[at].text].append(rank)
    found, count = [], 0
    for rank, at in enumerate(before):
        same = ranks[known[at].text]
        near = same[bisect_left(same, rank - band) : bisect_right(same, rank + band)]
        count += len(near)
        if count > _MOST_PAIRS:
            return None
        found.append((at, [now[one] for one in near]))
    return found


def _best(pairs: _Pairs, weight: Callable[[int, int], int], width: int) -> tuple[dict[int, list[int]], int]:
    """The pairs that are in one of the heaviest chains in which both places rise, by their new place; and what those weigh."""
    up_to = dict(_chains(pairs, weight, width, 1))
    from_on = dict(_chains(pairs, weight, width, -1))
    heaviest = max(up_to.values(), default=0)
    found: dict[int, list[int]] = defaultdict(list)
    for (old, new), total in up_to.items():
        if total + from_on[old, new] - weight(old, new) == heaviest:
            found[new].append(old)
    return dict(found), heaviest


def _chains(
    pairs: _Pairs, weight: Callable[[int, int], int], width: int, direction: int
) -> Iterator[tuple[tuple[int, int], int]]:
    """For each pair what the heaviest chain that ends with it weighs, or begins with it if the direction is -1."""
    heaviest = _Heaviest([0] * (width + 1))
    for old, places in pairs[::direction]:
        ended = []
        for new in places:
            place = new if direction > 0 else width - 1 - new
            ended.append((place, new, heaviest.before(place) + weight(old, new)))
        for place, new, total in ended:
            heaviest.put(place, total)
            yield (old, new), total


@frozen
class _Heaviest:
    """The largest of the numbers put at the places before one; a Fenwick tree."""

    tree: list[int]

    def before(self, place: int) -> int:
        """The largest that was put at a smaller place."""
        found = 0
        while place > 0:
            found = max(found, self.tree[place])
            place -= place & -place
        return found

    def put(self, place: int, number: int) -> None:
        """Put a number at a place."""
        place += 1
        while place < len(self.tree):
            self.tree[place] = max(self.tree[place], number)
            place += place & -place
