"""Every setting in one frozen class, read once from the environment; docs/settings.md comes from it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent


def _data_folder() -> Path:
    return Path(platformdirs.user_data_dir("overfit", appauthor=False))


class Settings(BaseSettings):
    """What an operator may choose; every line has its sentence."""

    model_config = SettingsConfigDict(env_prefix="OVERFIT_", frozen=True, extra="ignore")

    data: Path = Field(
        default_factory=_data_folder,
        description="The one folder that anything is written to: database, secret key, lock, cached curves.",
    )
    problems: Path = Field(default=CHECKOUT / "problems", description="The folder of problem packs.")
    host: str = Field(default="127.0.0.1", description="The address that the site listens on.")
    port: int = Field(default=8000, description="The port that the site listens on; 0 takes a free one.")
    hosts: str = Field(
        default="",
        description="Host names, separated by commas, that requests may name beside the loopback ones; "
        "required before the server listens on anything but loopback.",
    )
    assets: Literal["auto", "cdn", "local"] = Field(
        default="auto",
        description="Where the browser's libraries come from: the local copy, the CDN, or local when filled.",
    )
    slots: int = Field(
        default=0, ge=0, description="How many runs go on at once; 0 means one for each processor core."
    )
    waiting_runs: int = Field(
        default=10, ge=1, description="How many runs one person may have waiting before the next is refused."
    )
    run_seconds: float = Field(
        default=20.0, gt=0, description="The wall-clock limit of executing the file, and of examining it."
    )
    run_memory_mb: int = Field(
        default=1024,
        ge=256,
        description="The memory one process of a submission may take before it is stopped; all of them "
        "together half as much again.",
    )
    run_threads: int = Field(default=16, ge=4, description="The threads of one process of a submission.")
    run_scratch_mb: int = Field(
        default=16, ge=1, description="What one process of a submission may write to its scratch, in MiB."
    )
    run_output_kb: int = Field(
        default=256, ge=1, description="What a submission may print before it is stopped, in KiB."
    )
    slow_seconds: float = Field(
        default=12.0,
        ge=0,
        description="How long a run waits in an attempt that is held in a slow environment.",
    )
    source_kb: int = Field(default=64, ge=1, description="The largest source that is taken, in KiB.")
    judge: bool = Field(
        default=True, description="Whether runs are judged; off, the site opens and says how to turn it on."
    )
    log: Literal["console", "json"] = Field(default="console", description="The form of log lines.")
    secure_cookies: bool = Field(
        default=False, description="Mark cookies Secure; turn it on when the site is served over https."
    )

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Host names from `hosts`, in lower case, without the loopback names."""
        return tuple(name.strip().lower() for name in self.hosts.split(",") if name.strip())
