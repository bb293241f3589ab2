"""Runs what strangers wrote and judges it by behaviour: a jail, a warm torch, an examiner."""

from sandbox.job import Event, Job, Outcome
from sandbox.keeper import Unavailable
from sandbox.limits import Limits
from sandbox.sandbox import Sandbox, best_slots

__all__ = ["Event", "Job", "Limits", "Outcome", "Sandbox", "Unavailable", "best_slots"]
