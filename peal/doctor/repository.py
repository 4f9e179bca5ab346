"""How git stands here: what of the repository, its settings and its hooks keeps results from landing."""

from collections.abc import Iterator
from functools import partial

from peal.doctor.backups import Keeping
from peal.doctor.finding import Symptom, of_refusal, refused
from peal.doctor.look import Look
from peal.errors import PealError
from peal.system import git, git_damage
from peal.system.layout import FOLDER
from peal.workspaces import Hooks, filters, named_branch, preflight


def config_damaged(look: Look) -> Iterator[Symptom]:
    """Something about the repository because of which git does not work in it."""
    if look.damage:
        cure = git_damage.cure(look.repo, look.damage)
        mend = partial(_heal, look, cure) if cure else None
        yield from of_refusal(PealError(look.damage), look.told(cure.config) if cure else "", mend)
    else:
        yield from refused(partial(preflight.standing, look.repo))


def _heal(look: Look, cure: git_damage.Cure, keeping: Keeping) -> str:
    keeping.modified(cure.config)
    git.output(look.repo, *cure.argv[1:])
    return f"`{' '.join(cure.argv[-3:])}`"


def identity_missing(look: Look) -> Iterator[Symptom]:
    """Nobody whom peal's commits would be by."""
    if look.lands:
        yield from refused(partial(preflight.identity, look.repo))


def busy(look: Look) -> Iterator[Symptom]:
    """A merge, a rebase or the like that was begun and not finished."""
    if look.lands and look.readable.settings.branch is None:  # otherwise the person's tree is not touched
        yield from refused(partial(preflight.check_free, look.repo))


def branch_unfit(look: Look) -> Iterator[Symptom]:
    """No branch that results could land in."""
    settings = look.readable.settings
    if look.lands and settings.branch is None:
        yield from refused(partial(preflight.landing_branch, look.repo, settings.branch_prefix))
    elif look.lands:
        for plan in look.landing:
            yield from refused(partial(named_branch.target_of, look.repo_paths, plan, settings))


def filter_missing(look: Look) -> Iterator[Symptom]:
    """A filter without whose program git cannot read files."""
    if look.lands:
        yield from refused(partial(filters.check, look.repo))


def hooks_unseen(look: Look) -> Iterator[Symptom]:
    """Hooks that a person has, or thinks they have, and that will not look at what lands."""
    if look.lands and look.readable.settings.hooks:
        for told in Hooks.of(look.repo).notices:
            yield from of_refusal(PealError(told))


def ignore_missing(look: Look) -> Iterator[Symptom]:
    """peal's memory in a commit, or on its way there; a link to it is no folder that could hold a `.gitignore`."""
    root = look.repo_paths.root
    if git.output(look.repo, "ls-files", "--cached", "--", FOLDER):
        yield Symptom(
            f"`{FOLDER}` is in the index, and so in commits",
            f"`git rm -r --cached {FOLDER}`, and commit that",
            FOLDER,
        )
    elif root.is_dir() and not root.is_symlink() and not _is_ignored(look):
        yield Symptom(
            f"git does not ignore `{FOLDER}`, so a commit would take it in",
            f"`echo '*' > {FOLDER}/.gitignore`",
            f"{FOLDER}/.gitignore",
            partial(_ignore, look),
        )


def _is_ignored(look: Look) -> bool:
    return git.succeeds(look.repo, "check-ignore", "--quiet", str(look.repo_paths.lock))


def _ignore(look: Look, keeping: Keeping) -> str:  # noqa: ARG001
    look.repo_paths.prepare()
    if not _is_ignored(look):
        raise PealError(f"`{FOLDER}/.gitignore` does not say `*`; write that into it")
    return f"`{FOLDER}/.gitignore` says `*`"
