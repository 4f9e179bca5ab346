"""What `--fix` changes or removes is kept first, below `.peal/backups/<time>/` with a manifest, and can be put back."""

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import asdict, field

from peal.classes import define, frozen
from peal.errors import PealError
from peal.system import git, removal
from peal.system.files import content, replace
from peal.system.layout import RepoPaths
from peal.text.display import harmless, some, stamp

SCHEMA = 1
KEPT = 10
"""Backups; older ones go."""
_MANIFEST = "manifest.json"
_SHOWN = 5


@frozen
class KeptFile:
    """A file as it was."""

    original_path: str
    """Seen from the repository; absolute if it lies outside."""
    backup_path: str
    """Seen from the backup's folder."""
    operation: str
    """
    `modified` or `removed`; `made` for a file that was not there before, with what was written; `patch` for changes that are in no other place; `moved` for a folder, whose place it has now
    is its `backup_path`, seen from the repository.
    """
    code: str


@frozen
class KeptRef:
    """A branch as it was."""

    ref: str
    commit: str
    code: str


@define
class Backup:
    """A backup that is being made: nothing is on the disk before there is something to keep."""

    repo_paths: RepoPaths
    reason: str
    """The command that makes it."""
    files: list[KeptFile] = field(factory=list)
    refs: list[KeptRef] = field(factory=list)
    folder: Path | None = None

    @property
    def name(self) -> str:
        """What `--restore` calls it; empty if there was nothing to keep."""
        return self.folder.name if self.folder else ""

    def put(self, path: Path, data: bytes, operation: str, code: str) -> None:
        """Keep what a file at `path` holds."""
        folder = self._made()
        name = f"files/{len(self.files)}-{path.name}"
        replace(folder / name, data)
        if operation != "patch":
            shutil.copymode(path, folder / name)
        self.files.append(KeptFile(self.told(path), name, operation, code))
        self._write_manifest(folder)

    def put_made(self, path: Path, data: bytes, code: str) -> None:
        """Keep that a file at `path`, where there is none, is made with this in it."""
        folder = self._made()
        name = f"files/{len(self.files)}-{path.name}"
        replace(folder / name, data)
        self.files.append(KeptFile(self.told(path), name, "made", code))
        self._write_manifest(folder)

    def put_move(self, before: Path, now: Path, code: str) -> None:
        """Keep where a folder was."""
        folder = self._made()
        self.files.append(KeptFile(self.told(before), self.told(now), "moved", code))
        self._write_manifest(folder)

    def put_ref(self, ref: str, commit: str, code: str) -> None:
        """Keep where a branch is; its commits stay, too, for as long as the backup does."""
        folder = self._made()
        git.output(self.repo_paths.repo, "update-ref", f"{_kept_refs(folder.name)}/{len(self.refs)}", commit)
        self.refs.append(KeptRef(ref, commit, code))
        self._write_manifest(folder)

    def _made(self) -> Path:
        if self.folder is None:
            self.folder = _free(_root(self.repo_paths) / time.strftime("%Y%m%d-%H%M%S"))
            (self.folder / "files").mkdir(parents=True)
        return self.folder

    def told(self, path: Path) -> str:
        """A path as it will be found also after the repository was moved."""
        repo = self.repo_paths.repo
        return str(path.relative_to(repo)) if path.is_relative_to(repo) else str(path)

    def _write_manifest(self, folder: Path) -> None:
        told = {
            "schema_version": SCHEMA,
            "created_at": stamp(time.time()),
            "reason": self.reason,
            "files": [asdict(one) for one in self.files],
            "refs": [asdict(one) for one in self.refs],
        }
        replace(folder / _MANIFEST, json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def drop_old(self) -> None:
        """Only the latest backups stay."""
        for folder in _folders(self.repo_paths)[:-KEPT]:
            for ref in git.output(
                self.repo_paths.repo, *_EACH_REF, f"{_kept_refs(folder.name)}/"
            ).splitlines():
                git.output(self.repo_paths.repo, "update-ref", "-d", ref)
            removal.remove(folder)


_EACH_REF = ("for-each-ref", "--format=%(refname)")


@frozen
class Keeping:
    """A backup in the hands of who mends what one check has found."""

    backup: Backup
    code: str

    def modified(self, *paths: Path) -> None:
        """These files are about to be changed; one that is not there has nothing to keep."""
        self._put(paths, "modified")

    def removed(self, *paths: Path) -> None:
        """These files are about to be taken away."""
        self._put(paths, "removed")

    def _put(self, paths: tuple[Path, ...], operation: str) -> None:
        for path in paths:
            known = any(self.backup.told(path) == one.original_path for one in self.backup.files)
            if not known and (data := _readable(path)) is not None:
                self.backup.put(path, data, operation, self.code)

    def made(self, path: Path, data: bytes) -> None:
        """A file is about to be written where there is none."""
        self.backup.put_made(path, data, self.code)

    def patch(self, path: Path, data: bytes) -> None:
        """Changes below `path` are about to be lost."""
        if data:
            self.backup.put(path.with_name(f"{path.name}.patch"), data, "patch", self.code)

    def moved(self, before: Path, now: Path) -> None:
        """A folder is about to get another place."""
        self.backup.put_move(before, now, self.code)

    def ref(self, ref: str, commit: str) -> None:
        """A branch is about to be deleted or moved."""
        self.backup.put_ref(ref, commit, self.code)


def _readable(path: Path) -> bytes | None:
    """What is to be kept of a file; None where there is none, PealError where it cannot be read: then it stays as it is."""
    data = content(path)
    if data is None and path.is_file() and not path.is_symlink():
        raise PealError(f"`{path}` cannot be read, and so not kept; `chmod u+r {shlex.quote(str(path))}`")
    return data


def restore(repo_paths: RepoPaths, name: str, backup: Backup) -> Iterator[str]:
    """
    Put back what a backup holds, a line for each thing; what is overwritten is kept in `backup` first.

    The repository's lock has to be held. PealError if there is no such backup, or it cannot be understood.
    """
    folder, (files, refs) = _found(repo_paths, name)
    keeping = Keeping(backup, "RESTORE")
    for file in files:
        original, kept = repo_paths.repo / file.original_path, folder / file.backup_path
        if file.operation == "moved":
            now = repo_paths.repo / file.backup_path
            if now.is_dir() and not os.path.lexists(original):
                now.rename(original)
                yield f"moved `{file.backup_path}` back to `{file.original_path}`"
        elif file.operation == "patch":
            yield f"what was changed in `{harmless(file.original_path.removesuffix('.patch'))}` is in `{kept}`; `git apply {shlex.quote(str(kept))}` brings it back"
        elif file.operation == "made":
            yield _taken_away(original, content(kept), file, keeping)
        elif original == repo_paths.owner:
            yield f"`{file.original_path}` is left as it is: it named a run that is dead"
        elif (data := content(kept)) is None:
            yield f"`{harmless(file.original_path)}` cannot be put back: `{kept}` is gone"
        else:
            keeping.modified(original)
            original.parent.mkdir(parents=True, exist_ok=True)
            replace(original, data)
            shutil.copymode(kept, original)
            yield f"put back `{harmless(file.original_path)}`"
    for one in refs:
        if (there := git.commit_id(repo_paths.repo, one.ref)) not in ("", one.commit):
            keeping.ref(one.ref, there)
        git.output(repo_paths.repo, "update-ref", "-m", "peal doctor --restore", one.ref, one.commit)
        yield f"put back branch `{harmless(one.ref.removeprefix('refs/heads/'))}`"


def _taken_away(original: Path, made: bytes | None, file: KeptFile, keeping: Keeping) -> str:
    """What becomes of a file that the mend had made."""
    shown = f"`{harmless(file.original_path)}`"
    if (there := content(original)) is None:
        return f"{shown} is gone already"
    if there != made:
        return f"{shown} is left as it is: it has changed since it was made"
    keeping.removed(original)
    original.unlink()
    return f"took {shown} away, which had been made"


def _found(repo_paths: RepoPaths, name: str) -> tuple[Path, tuple[list[KeptFile], list[KeptRef]]]:
    folder = next((one for one in _folders(repo_paths) if one.name == name), None)
    if folder is None:
        there = [one.name for one in reversed(_folders(repo_paths))]
        hint = f"there are {some(there, _SHOWN)}" if there else "nothing has been mended here yet"
        raise PealError(f"there is no backup `{harmless(name)}`; {hint}")
    try:
        return folder, _read(json.loads((folder / _MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PealError(
            f"`{folder / _MANIFEST}` cannot be understood ({error}); copy back by hand what lies beside it"
        ) from None


def _read(told: dict[str, Any]) -> tuple[list[KeptFile], list[KeptRef]]:
    return [KeptFile(**one) for one in told["files"]], [KeptRef(**one) for one in told["refs"]]


def _root(repo_paths: RepoPaths) -> Path:
    return repo_paths.root / "backups"


def _folders(repo_paths: RepoPaths) -> list[Path]:
    """The backups, the oldest first."""
    root = _root(repo_paths)
    return sorted(one for one in root.iterdir() if (one / _MANIFEST).is_file()) if root.is_dir() else []


def _kept_refs(name: str) -> str:
    return f"refs/peal/backups/{name}"


def _free(path: Path) -> Path:
    """A name that sorts behind those of the same second."""
    number, free = 1, path
    while os.path.lexists(free):
        number, free = number + 1, path.with_name(f"{path.name}-{number}")
    return free
