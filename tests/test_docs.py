"""Settings, sample, documentation and help tell the same story."""

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from davserver.cli import main
from davserver.resources import resource_dir
from davserver.setting_sources import read_settings
from davserver.settings import SECRETS, Settings

PROJECT = Path(__file__).parents[1]
SAMPLE = resource_dir("config") / "davserver.toml"
KEYS = sorted(Settings.model_fields.keys() - SECRETS)


def test_the_sample_has_every_key_and_no_other() -> None:
    assert sorted(tomllib.loads(SAMPLE.read_text())) == KEYS


def test_the_sample_has_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLE.parent)
    assert read_settings(SAMPLE).model_dump() == read_settings().model_dump()


def test_every_key_of_the_sample_has_one_comment() -> None:
    lines = SAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line):
            assert lines[number - 1].startswith("# "), line
            assert not lines[number - 2].startswith("# ") or lines[number - 2].startswith("# -")


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_its_heading_in_the_documentation(key: str) -> None:
    headings = re.findall(r"^### (.*)$", (PROJECT / "docs" / "configure.md").read_text(), re.M)
    assert any(f"`{key}`" in heading for heading in headings)


def test_every_option_of_serve_is_a_setting() -> None:
    options = {name for param in main.commands["serve"].params for name in [param.name]}
    assert options - {"config"} <= set(KEYS)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(command: str) -> None:
    answer = CliRunner().invoke(main, [command, "--help"])
    assert answer.exit_code == 0
    assert command in CliRunner().invoke(main, ["--help"]).output


def test_links_between_documents_lead_somewhere() -> None:
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_nothing_reaches_outside_of_the_project() -> None:
    """The project stands alone."""
    for file in PROJECT.rglob("*"):
        parts = file.relative_to(PROJECT).parts
        if file.suffix in {".py", ".md", ".toml", ".cfg", ".html", ".js"} and parts[0][0] != ".":
            if parts[0] in {"build", "share"} or "egg-info" in parts[0]:
                continue
            assert "../" + "shared" not in file.read_text("utf-8", "replace"), file
