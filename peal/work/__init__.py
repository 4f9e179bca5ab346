"""Carries out one attempt and puts what happens into the inbox as events."""

from peal.work.attempt_context import REPLY_LIMIT
from peal.work.roster import Roster
from peal.work.worker import Worker

__all__ = ["REPLY_LIMIT", "Roster", "Worker"]
