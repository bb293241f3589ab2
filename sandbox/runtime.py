"""What of this machine a process with torch has to see: python, torch and what torch needs, libraries.

Everything else (the checkout, the data, `problems/`, home folders) is left out of the jail by not being
listed here.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store")
_LOADER_FILES = ("/etc/ld.so.cache",)  # where the loader looks up /usr/local/lib
# torch asks the processor what it can do through these; without them it falls back to plain loops
_PROCESSOR_FACTS = ("/sys/devices/system/cpu",)
_REQUIRED = ("torch", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The paths a jail shows, the same inside as outside."""

    executable: str  # the interpreter itself, behind every link and virtual environment
    import_path: tuple[str, ...]  # appended to sys.path, which python -I -S leaves at the standard library
    visible: tuple[str, ...]  # readable, never writable
    package: str  # the folder of the `sandbox` package

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Runtime:
        data = json.loads(text)
        return cls(
            executable=data["executable"],
            import_path=tuple(data["import_path"]),
            visible=tuple(data["visible"]),
            package=data["package"],
        )


def find_runtime() -> Runtime:
    """The runtime of the interpreter that runs this.

    Raises ModuleNotFoundError when it has no torch.
    """
    executable = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    package = Path(__file__).resolve().parent
    libraries = _libraries()
    sites = dict.fromkeys(str(Path(path).parent) for path in libraries)
    visible = [
        executable,
        *_python_library(),
        *libraries,
        *_SYSTEM_LIBRARIES,
        *_LOADER_FILES,
        *_PROCESSOR_FACTS,
    ]
    visible = [path for path in visible if Path(path).exists()]
    return Runtime(
        executable=executable,
        import_path=(*sites, str(package.parent)),
        visible=_outermost(visible),
        package=str(package),
    )


def _python_library() -> list[str]:
    """The standard library, and libpython where the interpreter is linked against one."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    base |= {"installed_base": sys.base_prefix, "installed_platbase": sys.base_exec_prefix}
    found = [sysconfig.get_path(name, "posix_prefix", base) for name in ("stdlib", "platstdlib")]
    folder, library = sysconfig.get_config_vars("LIBDIR", "INSTSONAME")
    if folder and library:
        found.append(str(Path(folder) / library))
    return found


def _libraries() -> list[str]:
    """The top-level files and folders of torch, numpy and everything those two require."""
    found: dict[str, None] = {}
    pending, seen = list(_REQUIRED), set()
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name == "torch":
                raise ModuleNotFoundError("this python has no torch", name="torch") from None
            continue  # required on other platforms, or optional
        found |= dict.fromkeys(_top_level(distribution))
        pending += [
            match[0]
            for requirement in distribution.requires or ()
            if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement))
        ]
    return list(found)


def _top_level(distribution: importlib.metadata.Distribution) -> list[str]:
    site = Path(str(distribution.locate_file(""))).resolve()
    names = {path.parts[0] for path in distribution.files or ()} - {"..", "/", "__pycache__"}
    if not names:  # installed by another tool than pip: take the folder whole
        return [str(path) for path in site.iterdir()]
    return sorted(str(site / name) for name in names if (site / name).exists() and not name.endswith(".pth"))


def _outermost(paths: list[str]) -> tuple[str, ...]:
    """Without repeats, and without what lies below another of them; links are kept beside their targets."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.count("/")):
        if not any(path == other or path.startswith(other + "/") for other in kept):
            kept.append(path)
    return tuple(kept)


if __name__ == "__main__":  # asked of another interpreter, by its path
    print(find_runtime().to_json())  # noqa: T201
