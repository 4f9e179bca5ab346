"""What is remembered of plans: whether its files can be read, are whole and agree."""

import os
import shlex
from collections.abc import Iterator
from functools import partial

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom, of_refusal
from peal.doctor.look import Look, Memory
from peal.record import journal, state_file
from peal.record.journal import NewerFormat
from peal.text.display import count
from peal.text.names import ranges


def unusable(look: Look) -> Iterator[Symptom]:
    """No place for peal's memory, or one where it can be neither read nor written."""
    root = look.repo_paths.root
    if look.unusable:
        yield from of_refusal(look.unusable, look.told(root))
    elif root.is_dir() and not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        yield Symptom(
            f"`{root}` cannot be written, and peal keeps its memory there",
            f"`chmod u+rwx {shlex.quote(str(root))}`",
            look.told(root),
        )
    for memory in look.memories:
        folder = memory.plan_paths.folder
        if memory.unreadable:
            path, why = memory.unreadable.filename, memory.unreadable.strerror
            yield Symptom(
                f"`{path}` cannot be read: {why}", f"`chmod u+rw {shlex.quote(path)}`", look.told(folder)
            )
        elif not os.access(folder, os.W_OK | os.X_OK):
            yield Symptom(
                f"`{folder}` cannot be written",
                f"`chmod u+rwx {shlex.quote(str(folder))}`",
                look.told(folder),
            )


def journal_corrupt(look: Look) -> Iterator[Symptom]:
    """A journal with something in it that was not written so; a run would refuse it."""
    for memory in look.memories:
        if error := memory.journal_damage:
            can_go_on = memory.known is not None and not isinstance(error, NewerFormat)
            mend = partial(_go_on_from_state, memory) if can_go_on else None
            yield from of_refusal(error, look.told(memory.plan_paths.journal), mend)


def _go_on_from_state(memory: Memory, keeping: Keeping) -> str:
    assert memory.known is not None, "only then it can be mended"
    keeping.removed(memory.plan_paths.journal)
    memory.plan_paths.journal.unlink()
    done = len(memory.known.completed_task_indices)
    return (
        f"moved the journal away; `peal resume` goes on from state.json, with {count(done, 'task')} complete"
    )


def journal_torn(look: Look) -> Iterator[Symptom]:
    """A record that was being written when everything stopped."""
    for memory in [] if look.is_live else look.memories:
        if torn := memory.recording.torn:
            told = f"the journal ends in {count(torn, 'byte')} of a record that was not finished"
            by_hand = "`peal resume` cuts it off"
            yield Symptom(told, by_hand, look.told(memory.plan_paths.journal), partial(_fit, memory))


def state_corrupt(look: Look) -> Iterator[Symptom]:
    """A state.json that cannot be understood."""
    for memory in look.memories:
        if memory.state_damage:
            mend = None if memory.journal_damage or memory.unreadable else partial(_fit, memory)
            by_hand = "`peal resume` makes it again from the journal" if mend else "see to the journal first"
            where = look.told(memory.plan_paths.state)
            yield Symptom(str(memory.state_damage), by_hand, where, mend)


def state_journal_mismatch(look: Look) -> Iterator[Symptom]:
    """Two files that do not tell the same; a completion that a person has taken out of state.json is their word."""
    for memory in [] if look.is_live else look.memories:
        if memory.is_whole and (told := _difference(memory)):
            is_lost = not memory.recording.events
            by_hand = f"`peal resume` goes on from {'state.json' if is_lost else 'the journal'}"
            mend = None if is_lost else partial(_fit, memory)
            yield Symptom(told, by_hand, look.told(memory.plan_paths.state), mend)


def _difference(memory: Memory) -> str:
    """How the two differ, in words; empty if they do not."""
    known, recording = memory.known, memory.recording
    if known is None:
        return "state.json is missing" if recording.events else ""
    if not known.schema_version:
        return ""  # an older peal's, which says nothing of the journal
    if not recording.events:
        return f"the journal is missing, and state.json knows {_tasks(known)}"
    if known.journal_offset < recording.length:
        return "state.json does not know the end of the journal"
    if known.journal_offset > recording.length + recording.torn:
        return "state.json knows more than the journal holds"
    unknown = [task for task in known.completed_task_indices if task not in memory.history.completed]
    return (
        f"state.json calls task {ranges(unknown)} complete, of which the journal does not know"
        if unknown
        else ""
    )


def _tasks(known: state_file.State) -> str:
    return f"{count(len(known.completed_task_indices), 'task')} as complete"


def _fit(memory: Memory, keeping: Keeping) -> str:
    keeping.modified(memory.plan_paths.journal, memory.plan_paths.state)
    said = journal.mend(memory.plan_paths)
    return "; ".join(said) or "state.json is made again from the journal"
