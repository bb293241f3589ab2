"""Attempts to change files of the host, to leave some, and to fill its disk."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from tests.sandbox.escapes.inside import (
    RESULTS,
    read,
    target,
    writable_folder,
)
from tests.sandbox.escapes.registry import attempt


@attempt()
def write_into_the_shared_memory_of_the_host() -> object:
    path = Path("/dev/shm/overfit-left")
    path.write_text("left")
    path.unlink()
    return str(path)


@attempt("symlink to secret + read")
def read_through_a_symbolic_link() -> object:
    link = writable_folder() + "/link"
    os.symlink(target.secret, link)
    try:
        return read(link)
    finally:
        os.unlink(link)


@attempt("symlink over work file then chown/write by host")
def leave_a_symbolic_link_for_somebody_to_follow() -> object:
    link = writable_folder() + "/result"
    os.symlink("/etc/passwd", link)
    os.unlink(link)
    return link


@attempt("hardlink out")
def link_a_file_of_the_host() -> object:
    link = target.folder + "/hard"
    os.link(target.secret, link)
    os.unlink(link)
    return link


@attempt("write into torch package")
def put_a_file_beside_torch() -> object:
    import torch

    path = Path(torch.__file__).with_name("overfit_was_here.py")
    path.touch()
    path.unlink()
    return str(path)


@attempt("chmod/rename torch file")
def change_the_rights_of_a_file_of_torch() -> object:
    import torch

    path = Path(torch.__file__).with_name("version.py")
    path.chmod(stat.S_IMODE(path.stat().st_mode))
    return str(path)


@attempt()
def rename_a_file_of_torch() -> object:
    import torch

    path = Path(torch.__file__).with_name("version.py")
    path.rename(path.with_name("v.py")).rename(path)
    return str(path)


@attempt("write zygote sources /z")
def change_the_sources_of_the_sandbox() -> object:
    import sandbox

    return os.open(sandbox.__file__, os.O_WRONLY | os.O_APPEND)


@attempt()
def change_the_database() -> object:
    return os.open(target.secret, os.O_WRONLY | os.O_APPEND)


@attempt()
def cut_the_database_short() -> object:
    os.truncate(target.secret, 26)  # as long as it is
    return target.secret


@attempt()
def make_a_file_beside_the_database() -> object:
    path = Path(target.folder, "journal")
    path.touch()
    path.unlink()
    return str(path)


@attempt()
def make_a_folder_beside_the_database() -> object:
    path = Path(target.folder, "folder")
    path.mkdir()
    path.rmdir()
    return str(path)


@attempt()
def rename_the_database() -> object:
    path = Path(target.secret)
    path.rename(path.with_name("away")).rename(path)
    return str(path)


@attempt()
def set_the_times_of_the_database() -> object:
    os.utime(target.secret)
    return target.secret


@attempt()
def write_an_attribute_of_a_file() -> object:
    os.setxattr(target.secret, "user.overfit", b"left")
    return target.secret


@attempt("mknod device")
def make_a_device() -> object:
    os.mknod(writable_folder() + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    return "a device"


@attempt()
def make_a_named_pipe() -> object:
    path = writable_folder() + "/made"
    os.mkfifo(path)
    os.unlink(path)
    return path


@attempt()
def talk_through_a_named_pipe() -> object:
    return os.open(target.pipe, os.O_RDWR | os.O_NONBLOCK)


@attempt("setuid binary write+exec")
def run_a_program_that_it_wrote() -> object:
    path = Path(writable_folder(), "program")
    path.write_bytes(Path("/bin/sh").read_bytes() if Path("/bin/sh").exists() else b"#!")
    try:
        path.chmod(0o4755)
        with suppress(OSError):
            os.dup2(RESULTS, 9)
        told = '{"got": "its own program", "errno": 0, "detail": "", "broken": false}'
        os.execv(path, ["sh", "-c", f"echo '{told}' >&9"])
    finally:
        path.unlink()


@attempt("tmpfs fill")
def write_more_than_the_scratch() -> object:
    folder, names = writable_folder(), [f"big-{number}" for number in range(20)]
    try:
        for name in names:
            Path(folder, name).write_bytes(b"x" * (1 << 20))
        return "20 MiB"
    finally:
        for name in names:
            Path(folder, name).unlink(missing_ok=True)


@attempt("big single file (FSIZE)")
def write_one_big_file() -> object:
    path = Path(writable_folder(), "sparse")
    try:
        with path.open("wb") as file:
            file.truncate(1 << 40)
        return "1 TiB, sparse"
    finally:
        path.unlink(missing_ok=True)


@attempt("inode exhaustion")
def make_more_files_than_the_scratch_has() -> object:
    folder, names = writable_folder(), [f"small-{number}" for number in range(600)]
    try:
        for name in names:
            Path(folder, name).touch()
        return "600 files"
    finally:
        for name in names:
            Path(folder, name).unlink(missing_ok=True)
