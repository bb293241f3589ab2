"""The browser's libraries: which exact files, their hashes, and whether they come from here or from the CDN.

assets.lock.json names each file with its sha384 (`scripts/lock-assets` writes it). `overfit assets` fills
static/vendor/npm from the packages themselves; paths below that folder and below the CDN's root are the
same, so a page needs one base address and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from app.errors import SetupError

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "assets.lock.json"
VENDOR = CHECKOUT / "static" / "vendor" / "npm"
CDN = "https://cdn.jsdelivr.net/npm/"
LOCAL = "/static/vendor/npm/"
NPM_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package at one version, and the files of it that pages use (path -> sha384 in SRI form)."""

    name: str
    version: str
    files: dict[str, str]

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Assets:
    """What a page needs to load the libraries: the base address and the hashes."""

    source: Literal["cdn", "local"]
    packages: tuple[Package, ...]

    @property
    def base(self) -> str:
        return CDN if self.source == "cdn" else LOCAL

    def url(self, name: str, path: str) -> str:
        """The address of a file or folder of package `name`."""
        return f"{self.base}{self._package(name).spec}/{path}"

    def integrity(self, name: str, path: str) -> str:
        """The file's hash, as the `integrity` attribute takes it."""
        return self._package(name).files[path]

    @property
    def origins(self) -> tuple[str, ...]:
        """What a content security policy must allow beside this site: exact packages, never the whole CDN."""
        if self.source == "local":
            return ()
        return tuple(f"{CDN}{package.spec}/" for package in self.packages)

    def _package(self, name: str) -> Package:
        return next(package for package in self.packages if package.name == name)


def read_lock(lock: Path = LOCK) -> tuple[Package, ...]:
    """The packages that assets.lock.json names."""
    try:
        data = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{lock} can't be read: {error}", hint="Check the file out again.") from None
    return tuple(
        Package(name=name, version=entry["version"], files=entry["files"])
        for name, entry in data["packages"].items()
    )


def choose(setting: Literal["auto", "cdn", "local"], *, vendor: Path = VENDOR, lock: Path = LOCK) -> Assets:
    """Local or CDN, as the setting says; `auto` is local once the copy is whole."""
    packages = read_lock(lock)
    if setting == "local" and missing(packages, vendor=vendor):
        raise SetupError("OVERFIT_ASSETS=local, but the copy is not whole.", hint="Type: overfit assets")
    if setting == "auto":
        setting = "cdn" if missing(packages, vendor=vendor) else "local"
    return Assets(source=setting, packages=packages)


def missing(packages: tuple[Package, ...], *, vendor: Path = VENDOR) -> list[Package]:
    """Packages of which a file is absent or isn't what the lock says."""
    return [package for package in packages if any(_wrong(package, root=vendor / package.spec))]


def fill(*, vendor: Path = VENDOR, lock: Path = LOCK, npm: str = "npm") -> list[Package]:
    """Bring the local copy up to the lock; answers the packages that were fetched.

    Raises SetupError when npm is missing, can't fetch, or hands out other bytes than the lock names.
    """
    wanted = missing(read_lock(lock), vendor=vendor)
    for package in wanted:
        vendor.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=vendor, prefix=".fill-") as folder:
            archive = _pack(package, Path(folder), npm=npm)
            unpacked = Path(folder) / "unpacked"
            _unpack(package, archive, unpacked)
            _replace(vendor / package.spec, unpacked)
    return wanted


def _pack(package: Package, folder: Path, *, npm: str) -> Path:
    """The package's archive, by npm's own client: it knows which registry this machine uses."""
    if shutil.which(npm) is None:
        raise SetupError(
            "npm is missing.", hint="Install Node.js 20 or newer; until then pages take the CDN's files."
        )
    command = [npm, "pack", package.spec, "--pack-destination", str(folder), "--silent", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS)
    except subprocess.TimeoutExpired:
        raise SetupError(f"npm took more than {NPM_SECONDS} s for {package.spec}.", hint=_OFFLINE) from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        lines = done.stderr.strip().splitlines() or ["npm gave no reason"]
        raise SetupError(f"npm can't fetch {package.spec}: {lines[0]}", hint=_OFFLINE)
    return archives[0]


_OFFLINE = "Is there a network? Type `overfit assets` again later; until then pages take the CDN's files."


def _unpack(package: Package, archive: Path, target: Path) -> None:
    """The locked files out of the archive, each only when its hash is right."""
    with tarfile.open(archive) as tar:
        for path, expected in package.files.items():
            try:
                stream = tar.extractfile(f"package/{path}")
            except KeyError:
                stream = None
            if stream is None:
                raise SetupError(f"{package.spec} has no {path}.", hint="Run scripts/lock-assets.")
            content = stream.read()
            if sha384(content) != expected:
                raise SetupError(
                    f"{path} of {package.spec} is not the file that assets.lock.json names.",
                    hint="Nothing was installed. Look at where npm takes packages from.",
                )
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _replace(final: Path, fresh: Path) -> None:
    """Put the whole folder in place at once: a page never sees half a library."""
    if final.exists():
        shutil.rmtree(final)
    fresh.replace(final)


def _wrong(package: Package, *, root: Path) -> Iterator[str]:
    for path, expected in package.files.items():
        try:
            if sha384((root / path).read_bytes()) != expected:
                yield path
        except OSError:
            yield path


def sha384(content: bytes) -> str:
    """The hash in the form of subresource integrity."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


@click.command("assets")
@click.option("--quiet", is_flag=True, help="Say nothing when there is nothing to do.")
def command(*, quiet: bool) -> None:
    """Fill the local copy of the browser's libraries, hashes verified."""
    try:
        fetched = fill()
    except SetupError as error:
        raise click.ClickException(f"{error.message} {error.hint}") from None
    for package in fetched:
        click.echo(f"{package.spec}: {len(package.files)} files, verified")
    if not fetched and not quiet:
        click.echo(f"the local copy is whole: {VENDOR}")
