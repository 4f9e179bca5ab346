"""What a task says it depends on, in a line of its text or in its title, as far as that names tasks."""

import re
from collections.abc import Iterable, Iterator

from peal.classes import frozen

_KEY = (
    r"depends(?:[ _-]on)?|dependenc(?:y|ies)|依存(?:関係)?|依赖|依賴|의존성|"
    r"dependencias?|depende de|dependências?|dépendances?|dépend de|abhängigkeiten|hängt ab von"
)
# `_Depends: 1.1_`, `**Dependencies:** 1.1`, `- Depends on: 1.1`, with or without a bullet, which may be drawn.
_FIELD = re.compile(
    rf"\s*(?:(?:[-*+•]|[└├]─{{1,3}})\s+)?[_*]{{0,3}}(?:{_KEY})[_*]{{0,3}}\s?[:：](?P<which>.*)", re.IGNORECASE
)
_IN_TITLE = re.compile(
    r"[(（](?P<before>[^()（）]{1,200})に依存[)）]|[(（](?:depends(?: on)?[:：]?|after|requires|依存[:：]?|依赖[:：]?)\s?(?P<which>[^()（）]{1,200})[)）]",
    re.IGNORECASE,
)
_REMARK = re.compile(r"[(（][^()（）]*[)）]")
_BETWEEN = re.compile(r"[,、，;；&+]|\band\b|と|和|及び", re.IGNORECASE)
_NOTHING = re.compile(
    r"[-–—]?|none|nothing|n/?a|なし|无|無|없음|ningun[ao]|nenhuma?|aucune?|keine?", re.IGNORECASE
)
_GROUP = r"(?:task )?groups?"
_TASK = r"(?:sub-?)?tasks?|タスク|任务|任務|작업|tareas?|tarefas?|tâches?|aufgaben?"
_END = r"(?:\s+(?:completed?|done))?|\s*(?:の?完了(?:後|が必要)?|が必要)"
# Words by which something else is meant than the tasks that are named: more of them, or all.
_VAGUE = re.compile(
    r"\b(?:all|any|each|every|previous|prior|preceding|earlier|above|below|tasks?|groups?|phases?|layers?|waves?|"
    r"stages?|sections?|steps?|milestones?)\b|前|全|すべて|所有",
    re.IGNORECASE,
)


@frozen
class Needs:
    """The tasks and groups that something depends on, by the names that they are given there."""

    tasks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    spans: tuple[tuple[str, str], ...] = ()
    """Tasks from the one to the other."""
    is_whole: bool = True
    """False where words stand beside them that mean other tasks too, such as `all previous tasks`."""

    @classmethod
    def together(cls, parts: Iterable["Needs"]) -> "Needs":
        """All that is told in several places; nothing where one of them does not say it whole."""
        known = list(parts)
        if not all(one.is_whole for one in known):
            return cls(is_whole=False)
        return cls(
            tasks=tuple(task for one in known for task in one.tasks),
            groups=tuple(group for one in known for group in one.groups),
            spans=tuple(span for one in known for span in one.spans),
        )

    def __bool__(self) -> bool:
        return bool(self.tasks or self.groups or self.spans)


@frozen
class Dependencies:
    """How dependencies are read where tasks have names of one shape."""

    shape: str
    """A regular expression without groups."""

    def of_line(self, line: str) -> Needs | None:
        """What a line of a task's text says; None for one that is about something else."""
        found = _FIELD.match(line)
        return self._read(found["which"]) if found else None

    def of_title(self, title: str) -> Iterator[Needs]:
        """What stands in brackets in a title."""
        for found in _IN_TITLE.finditer(title) if "(" in title or "（" in title else ():
            yield self._read(found["before"] or found["which"])

    def _read(self, told: str) -> Needs:
        tasks: list[str] = []
        groups: list[str] = []
        spans: list[tuple[str, str]] = []
        is_whole = True
        kind = ""
        for part in _BETWEEN.split(_REMARK.sub(" ", told)):
            words = part.strip(" \t_*`.。")
            if found := self._part().fullmatch(words):
                kind = found["kind"] or kind
                is_group = bool(re.fullmatch(_GROUP, kind, re.IGNORECASE))
                if is_group and found["last"] and found["first"].isdecimal() and found["last"].isdecimal():
                    groups += map(str, range(int(found["first"]), min(int(found["last"]), 999) + 1))
                elif found["last"]:
                    spans.append((found["first"], found["last"]))
                else:
                    (groups if is_group else tasks).append(found["first"])
            elif not _NOTHING.fullmatch(words):
                is_whole = is_whole and not _VAGUE.search(words)
        return Needs(tuple(tasks), tuple(groups), tuple(spans), is_whole)

    def _part(self) -> re.Pattern[str]:
        # Ids are told from other words by their case.
        return re.compile(
            rf"(?:(?P<kind>(?i:{_GROUP}|{_TASK}))\s*)?#?(?P<first>{self.shape})"
            rf"(?:\s*(?:-|–|—|~|〜|to|through|bis)\s*(?:(?i:{_GROUP}|{_TASK})\s*)?(?P<last>{self.shape}))?(?i:{_END})"
        )
