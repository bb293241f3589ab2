"""The browser's libraries: exact files, their hashes, and where a page takes them from."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import assets
from app.errors import SetupError

CONTENT = b"var library = 1;\n"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one small package."""
    path = tmp_path / "assets.lock.json"
    files = {"dist/library.js": assets.sha384(CONTENT)}
    path.write_text(json.dumps({"format": 1, "packages": {"library": {"version": "1.2.3", "files": files}}}))
    return path


def fake_npm(folder: Path, *, content: bytes = CONTENT, status: int = 0) -> str:
    """A program that packs as npm does: it leaves an archive where it was told to."""
    archive = folder / "library-1.2.3.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("package/dist/library.js")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    npm = folder / "npm"
    refusal = f'[ {status} = 0 ] || {{ echo "no network" >&2; exit {status}; }}'
    npm.write_text(f'#!/bin/sh\n{refusal}\ncp {archive} "$4"\n')
    npm.chmod(0o755)
    return str(npm)


def test_a_package_is_unpacked_where_the_cdn_has_it_too(tmp_path: Path, lock: Path) -> None:
    fetched = assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=fake_npm(tmp_path))
    assert [package.spec for package in fetched] == ["library@1.2.3"]
    assert (tmp_path / "vendor" / "library@1.2.3" / "dist" / "library.js").read_bytes() == CONTENT


def test_a_whole_copy_is_left_alone(tmp_path: Path, lock: Path) -> None:
    assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=fake_npm(tmp_path))
    assert assets.fill(lock=lock, vendor=tmp_path / "vendor", npm="no-such-program") == []


def test_a_changed_file_is_fetched_again(tmp_path: Path, lock: Path) -> None:
    npm = fake_npm(tmp_path)
    assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=npm)
    file = tmp_path / "vendor" / "library@1.2.3" / "dist" / "library.js"
    file.write_bytes(b"tampered")
    assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=npm)
    assert file.read_bytes() == CONTENT


def test_other_bytes_than_the_lock_names_are_not_installed(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(SetupError, match="not the file that"):
        assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=fake_npm(tmp_path, content=b"other"))
    assert not (tmp_path / "vendor" / "library@1.2.3").exists()


def test_without_a_network_one_line_says_so(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(SetupError, match="no network"):
        assets.fill(lock=lock, vendor=tmp_path / "vendor", npm=fake_npm(tmp_path, status=1))


def test_without_npm_the_hint_names_what_to_install(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(SetupError) as told:
        assets.fill(lock=lock, vendor=tmp_path / "vendor", npm="no-such-program")
    assert "Install Node.js" in told.value.hint


def test_auto_takes_the_cdn_until_the_copy_is_whole(tmp_path: Path, lock: Path) -> None:
    vendor = tmp_path / "vendor"
    assert assets.choose("auto", lock=lock, vendor=vendor).base == assets.CDN
    assets.fill(lock=lock, vendor=vendor, npm=fake_npm(tmp_path))
    assert assets.choose("auto", lock=lock, vendor=vendor).base == assets.LOCAL


def test_local_without_a_copy_says_what_to_type(tmp_path: Path, lock: Path) -> None:
    with pytest.raises(SetupError) as told:
        assets.choose("local", lock=lock, vendor=tmp_path / "vendor")
    assert "overfit assets" in told.value.hint


def test_a_policy_names_exact_packages_of_the_cdn(tmp_path: Path, lock: Path) -> None:
    chosen = assets.choose("cdn", lock=lock, vendor=tmp_path)
    assert chosen.origins == (f"{assets.CDN}library@1.2.3/",)
    assert chosen.url("library", "dist/library.js") == f"{assets.CDN}library@1.2.3/dist/library.js"
    assert chosen.integrity("library", "dist/library.js") == assets.sha384(CONTENT)


def test_the_lock_of_this_checkout_names_the_versions_of_package_json() -> None:
    wanted = json.loads((assets.CHECKOUT / "package.json").read_text())["devDependencies"]
    for package in assets.read_lock():
        assert package.version == wanted[package.name]


def test_the_command_is_quiet_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "fill", lambda: [])
    assert CliRunner().invoke(assets.command, ["--quiet"]).output == ""
    assert "whole" in CliRunner().invoke(assets.command).output
