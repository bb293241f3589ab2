"""Runs what strangers wrote and judges it by behaviour: a jail, a warm torch, an examiner."""

from sandbox.job import Event, Job, Limits, Outcome

__all__ = ["Event", "Job", "Limits", "Outcome"]
