"""Overfit's web app and worker: knows HTTP, SQL and the queue, and never imports torch."""
