"""The numbers that an operator watches, in a registry of their own for each app."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

RUN_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """Ten measurements, named as they are served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.runs = Counter(
            "overfit_runs", "Runs that ended.", ["kind", "state", "outcome"], registry=self.registry
        )
        self.run_seconds = Histogram(
            "overfit_run_seconds",
            "From the start of a run to its end.",
            ["kind"],
            buckets=RUN_SECONDS,
            registry=self.registry,
        )
        self.wait_seconds = Histogram(
            "overfit_run_wait_seconds",
            "From asking for a run to its start.",
            buckets=RUN_SECONDS,
            registry=self.registry,
        )
        self.lost = Counter(
            "overfit_workers_lost", "Times that the sandbox died under a run.", registry=self.registry
        )
        self.waiting = Gauge("overfit_runs_waiting", "Runs that wait.", registry=self.registry)
        self.running = Gauge("overfit_runs_running", "Runs that go on.", registry=self.registry)
        self.followers = Gauge("overfit_event_followers", "Open event streams.", registry=self.registry)
        self.ready = Gauge("overfit_judge_ready", "1 when runs are judged.", registry=self.registry)
        self.requests = Counter(
            "overfit_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "overfit_http_request_seconds",
            "From a request to the first byte of its answer.",
            ["route"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
