"""Where a step works, and how what it did gets into the branch: the repository itself, or worktrees of a pool."""

from peal.workspaces.additions import Additions, Edit, Files
from peal.workspaces.messages import Messages
from peal.workspaces.plan_file import PlanFile
from peal.workspaces.pool import Pool
from peal.workspaces.protocol import Change, Workspace, Workspaces
from peal.workspaces.shared import NoGuard, SharedTree
from peal.workspaces.slots import Slots
from peal.worktrees.hooks import OF_THE_BRANCH, OF_THE_TREE, Hooks

__all__ = [
    "OF_THE_BRANCH",
    "OF_THE_TREE",
    "Additions",
    "Change",
    "Edit",
    "Files",
    "Hooks",
    "Messages",
    "NoGuard",
    "PlanFile",
    "Pool",
    "SharedTree",
    "Slots",
    "Workspace",
    "Workspaces",
]
