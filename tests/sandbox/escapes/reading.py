"""Attempts to read files of the host, and to learn their names."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sandbox.escapes.inside import (
    Held,
    buffer,
    call,
    read,
    target,
)
from tests.sandbox.escapes.registry import attempt


@attempt("read a secret file of the app")
def read_the_database() -> object:
    return read(target.secret)


@attempt("read zygote/app sources")
def read_a_source_of_the_app() -> object:
    return read(target.checkout + "/app/main.py")


@attempt("read a file of the checkout")
def read_a_clean_program() -> object:
    return read(target.checkout + "/problems/gpt/shapes/gpt.py")


@attempt()
def read_the_probes() -> object:
    return read(target.checkout + "/problems/gpt/probes.py")


@attempt("read a file of a home folder")
def list_a_home_folder() -> object:
    return os.listdir("/root") + os.listdir("/home")


@attempt("read /etc/passwd")
def read_who_has_an_account() -> object:
    return read("/etc/passwd")


@attempt("read /etc/shadow")
def read_the_passwords() -> object:
    return read("/etc/shadow")


@attempt("read /proc/self/mem")
def read_its_memory_as_a_file() -> object:
    return os.open("/proc/self/mem", os.O_RDWR)


@attempt("read /proc/self/maps")
def read_the_map_of_its_memory() -> object:
    return read("/proc/self/maps")


@attempt("read /proc/1/environ")
def read_the_environment_of_the_first_process() -> object:
    return read("/proc/1/environ")


@attempt()
def read_the_environment_of_another_process() -> object:
    return read(f"/proc/{target.victim}/environ")


@attempt()
def read_what_another_process_was_started_with() -> object:
    return read(f"/proc/{target.victim}/cmdline")


@attempt()
def go_to_the_root_of_another_process() -> object:
    return read(f"/proc/{target.victim}/root{target.secret}")


@attempt()
def go_to_the_folder_of_another_process() -> object:
    return os.listdir(f"/proc/{target.victim}/cwd")


@attempt("read /proc/sys/kernel/hostname")
def read_the_name_of_the_host() -> object:
    return read("/proc/sys/kernel/hostname")


@attempt()
def read_the_interfaces_of_the_network() -> object:
    return read("/proc/net/dev")


@attempt("read /sys/kernel/uevent_helper")
def read_a_switch_of_the_kernel() -> object:
    return read("/sys/kernel/mm/transparent_hugepage/enabled")


@attempt("read /dev/vda")
def read_a_disk() -> object:
    disks = [path for path in ("/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0") if os.path.exists(path)]
    return read(disks[0] if disks else "/dev/vda")


@attempt("read /dev/mem")
def read_the_memory_of_the_machine() -> object:
    return read("/dev/mem")


@attempt("read /dev/kmsg")
def read_the_log_as_a_file() -> object:
    return os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)


@attempt()
def open_a_terminal() -> object:
    return os.open("/dev/ptmx", os.O_RDWR)


@attempt("list / and parents")
def list_the_folders_above() -> object:
    os.chdir("../../../..")
    known = {
        "bin",
        "dev",
        "etc",
        "lib",
        "lib64",
        "opt",
        "proc",
        "root",
        "scratch",
        "sys",
        "tmp",
        "usr",
        "nix",
    }
    known |= {
        Path(path).parts[1]
        for path in (os.__file__, target.checkout, *__import__("sys").path)
        if path[:1] == "/"
    }
    found = set(os.listdir(".")) - known  # what a jail's own root may show
    if not found:
        raise Held("only folders that a jail is made of")
    return sorted(found)


@attempt()
def list_the_folder_of_the_database() -> object:
    return os.listdir(target.folder)


@attempt()
def read_by_way_of_a_folder_that_is_only_named() -> object:
    folder = os.open(target.folder, os.O_PATH | os.O_DIRECTORY)
    return os.read(os.open("secret", os.O_RDONLY, dir_fd=folder), 8)


@attempt("name_to_handle/open_by_handle_at")
def name_a_file_by_its_handle() -> object:
    handle, mount = buffer(136, first=128), buffer(8)
    return call((303, 264), -100, b"/usr/lib", handle, mount, 0)


@attempt()
def open_a_file_by_its_handle() -> object:
    handle = buffer(136, first=8)
    return call((304, 265), os.open("/usr/lib", os.O_RDONLY), handle, os.O_RDONLY)


@attempt()
def wait_for_what_happens_to_a_file() -> object:
    return call((254, 27), call((294, 26), 0), b"/usr/lib", 0xFFF)


@attempt("syscall inotify_init1")
def make_a_watch_of_files() -> object:
    return call((294, 26), 0)


@attempt("syscall fanotify_init")
def be_asked_before_files_are_opened() -> object:
    return call((300, 262), 0x200, 0)  # FAN_REPORT_FID: what an ordinary user may
