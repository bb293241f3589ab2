"""What docker-compose.yml, the image and the profile promise, read off the files themselves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from app.engine.judge import limits
from app.settings import Settings
from sandbox import syscalls
from sandbox.limits import MIB

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
PROFILE = json.loads((CHECKOUT / "deploy" / "seccomp-namespaces.json").read_text())
PROCESSES_OF_A_RUN = 4  # supervisor, examiner, two of the submission


def service(name: str = "docker-compose.yml") -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load((CHECKOUT / name).read_text())
    assert list(file["services"]) == ["overfit"]
    found: dict[str, Any] = file["services"]["overfit"]
    return found


def test_it_can_write_to_nothing_but_its_volume_and_a_small_tmpfs() -> None:
    compose = service()
    assert compose["read_only"] is True
    assert compose["volumes"] == ["data:/data"]
    (tmpfs,) = compose["tmpfs"]
    assert tmpfs.startswith("/tmp:size=64m,")
    assert {"noexec", "nosuid", "nodev"} <= set(tmpfs.split(","))


def test_it_has_no_right_and_can_get_none() -> None:
    compose = service()
    assert compose["cap_drop"] == ["ALL"]
    assert compose["security_opt"] == ["no-new-privileges:true"]
    assert compose["user"] == "10001:10001"
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"} & set(
        compose
    )


def test_no_file_of_ours_says_privileged() -> None:
    for path in (*CHECKOUT.glob("docker-compose*.yml"), *CHECKOUT.glob("deploy/*.yml")):
        assert "privileged" not in str(yaml.safe_load(path.read_text()))


def test_it_is_reached_from_this_machine_alone() -> None:
    assert all(port.startswith("127.0.0.1:") for port in service()["ports"])


def test_its_bounds_hold_what_its_runs_may_take(tmp_path: Path) -> None:
    compose = service()
    slots = int(compose["environment"]["OVERFIT_SLOTS"])
    run = limits(Settings(data=tmp_path))
    memory = int(compose["mem_limit"].removesuffix("g")) << 30
    assert slots == compose["cpus"]
    assert memory >= slots * run.run_bytes + 768 * MIB  # torch once, the site, a peak
    assert compose["memswap_limit"] == compose["mem_limit"]
    assert compose["pids_limit"] >= slots * PROCESSES_OF_A_RUN * run.threads + 64
    assert compose["ulimits"]["core"] == 0


def test_every_variable_that_it_sets_is_a_setting() -> None:
    known = {f"OVERFIT_{name.upper()}" for name in Settings.model_fields}
    assert set(service()["environment"]) <= known
    assert set(re.findall(r"(OVERFIT_\w+)=", DOCKERFILE)) <= known


def test_the_image_runs_as_the_same_user_on_the_same_volume() -> None:
    assert "\nUSER 10001:10001\n" in DOCKERFILE
    assert "chown 10001:10001 /data" in DOCKERFILE
    assert "OVERFIT_DATA=/data" in DOCKERFILE


def test_the_image_takes_torch_as_everybody_does() -> None:
    assert "sh scripts/install-torch .venv" in DOCKERFILE
    assert "constraints-torch.txt" in DOCKERFILE
    assert "http" not in DOCKERFILE  # no registry of ours: where packages come from is the builder's business


def test_the_profile_allows_what_the_jail_needs_and_nothing_that_leaves_the_container() -> None:
    allowed = {
        name for rule in PROFILE["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]
    }
    assert allowed >= set(syscalls.ALLOWED["x86_64"]) | set(syscalls.ALLOWED["aarch64"])
    assert allowed >= {
        "unshare",
        "mount",
        "umount2",
        "pivot_root",
        "open_tree",
        "move_mount",
        "mount_setattr",
    }
    assert not allowed & {
        *("bpf", "perf_event_open", "ptrace", "process_vm_readv", "keyctl", "add_key", "userfaultfd"),
        *("io_uring_setup", "init_module", "finit_module", "kexec_load", "open_by_handle_at", "fsopen"),
        *("reboot", "swapon", "mknod", "chroot", "personality", "name_to_handle_at", "clock_settime"),
    }


def test_the_way_up_changes_nothing_but_the_filters() -> None:
    more = service("deploy/docker-compose.namespaces.yml")
    assert list(more) == ["security_opt"]
    assert "no-new-privileges:true" in more["security_opt"]
    (profile,) = (option for option in more["security_opt"] if option.startswith("seccomp"))
    assert (CHECKOUT / profile.partition("=")[2]).exists()


def test_compose_itself_understands_the_files() -> None:
    if shutil.which("docker") is None or _compose("version").returncode:
        pytest.skip("no docker compose here: the files are read as YAML alone")
    for files in ((), ("-f", "docker-compose.yml", "-f", "deploy/docker-compose.namespaces.yml")):
        done = _compose(*files, "config", "--quiet")
        assert done.returncode == 0, done.stderr


def _compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
