"""Runs: asking for an execution and following it."""
