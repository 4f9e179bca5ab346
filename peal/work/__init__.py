"""Carries out one attempt and puts what happens into the inbox as events."""

from peal.work.crew import Crew
from peal.work.desk import REPLY_LIMIT
from peal.work.worker import Worker

__all__ = ["REPLY_LIMIT", "Crew", "Worker"]
