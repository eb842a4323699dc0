"""The wheel holds everything that the program needs."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
MAPPED = ("templates", "assets", "config")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built once, from a copy: a build leaves files beside the source."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (PROJECT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((PROJECT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", target, source]
    subprocess.run(command, check=True, capture_output=True, timeout=170)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def test_every_package_is_listed() -> None:
    """A forgotten sub-package is left out of the wheel without any warning."""
    config = configparser.ConfigParser()
    config.read(PROJECT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = {
        ".".join(file.parent.relative_to(PROJECT).parts)
        for file in (PROJECT / "davserver").rglob("__init__.py")
    }
    assert listed == folders | {f"davserver.{name}" for name in MAPPED}


def test_the_wheel_has_every_template_asset_and_sample(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    wanted = {
        f"davserver/{file.relative_to(PROJECT).as_posix()}"
        for name in MAPPED
        for file in (PROJECT / name).rglob("*")
        if file.is_file()
    }
    wanted |= {
        file.relative_to(PROJECT).as_posix() for file in PROJECT.glob("davserver/locale/**/*.po")
    }
    assert wanted <= inside
    assert "davserver/py.typed" in inside
    assert any(name.endswith("licenses/LICENSE") or name.endswith("LICENSE") for name in inside)


def test_the_wheel_has_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {
        file.relative_to(PROJECT).as_posix() for file in (PROJECT / "davserver").rglob("*.py")
    }
    assert modules <= set(wheel.namelist())


def test_the_wheel_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"davserver"}
