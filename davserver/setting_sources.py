"""Where settings come from, each source stronger than those before: what the page keeps,
``davserver.toml``, ``DAVSERVER_*``, options.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from davserver.errors import SettingsWrong
from davserver.kept_settings import KeptSettings
from davserver.settings import ENVIRONMENT_PREFIX, FILE_KEYS, SECRETS, Place, Settings

CONFIG_VARIABLE = "DAVSERVER_CONFIG"
"""Names the TOML file where no option can: under another WSGI server."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from: a TOML file, the environment, ``options``, and what the page keeps.

    An option that is None counts as not given.
    """

    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, kept: Mapping[str, Any] | None = None) -> Settings:
        """The settings of now; with ``kept`` in place of what the page keeps, to try that out.

        Raises SettingsWrong naming the source, the key and the cure.
        """
        given, from_file = self._given(), self._from_file()
        _refuse_unknown_environment()
        file, values = None, kept
        try:
            place = Place(file_values=from_file, **given)  # type: ignore[call-arg]
            if values is None:
                stored = KeptSettings(place.state)
                file, values = stored.file, stored.read()
            values = _below_others(values, self.set_keys())
            settings = Settings(file_values=from_file, kept_values=values, **given)  # type: ignore[call-arg]
        except ValidationError as wrong:
            places = {key: f"{file}: {key}" for key in values or ()} if file else {}
            places |= {key: f"{self.config}: {key}" for key in from_file}
            raise SettingsWrong(_words(wrong, given, places)) from None
        settings.remember(self)
        return settings

    def set_keys(self) -> dict[str, str]:
        """Keys that something stronger than the page sets, and what does, in words.

        The keys of a table are told one by one: ``customization.help``.
        """
        found = {key: str(self.config) for key in _leaves(self._from_file())}
        environment = {
            key: _table(os.environ[variable])
            for key in Settings.model_fields
            if (variable := ENVIRONMENT_PREFIX + key.upper()) in os.environ
        }
        for key in _leaves(environment):
            found[key] = f"environment: {ENVIRONMENT_PREFIX}{key.partition('.')[0].upper()}"
        for key in _leaves(self._given()):
            found[key] = f"option --{key.replace('_', '-')}"
        return found

    def _given(self) -> dict[str, Any]:
        return {key: value for key, value in self.options.items() if value is not None}

    def _from_file(self) -> dict[str, Any]:
        return _read_toml(self.config) if self.config else {}


def read_settings(config: Path | None = None, **options: Any) -> Settings:
    """The settings from the TOML file ``config``, the environment, ``options``, and the page.

    Raises SettingsWrong naming the source, the key and the cure.
    """
    return Sources(config, options).read()


def _read_toml(config: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsWrong(f"{config}: there is no such file; check --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SettingsWrong(f"{config}: {fault}") from None
    for key in values:
        if key in SECRETS:
            raise SettingsWrong(
                f"{config}: {key}: a secret does not belong here; name a file with {key}_file"
            )
        if key not in Settings.model_fields:
            raise SettingsWrong(f"{config}: unknown key {key!r}{_similar(key)}")
    _from_folder(config.resolve().parent, values, FILE_KEYS)
    further = values.get("document_servers")
    for table in further if isinstance(further, list) else ():
        if isinstance(table, dict):
            _from_folder(config.resolve().parent, table, ("secret_file", "ca"))
    return {key: value for key, value in values.items() if value != "" or key not in FILE_KEYS}


def _from_folder(folder: Path, values: dict[str, Any], keys: tuple[str, ...]) -> None:
    """A path in the file is meant from the file's folder, wherever the server is started."""
    for key in keys:
        if isinstance(values.get(key), str) and values[key]:
            values[key] = str(folder / Path(values[key]).expanduser())


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The keys of ``values``, those of tables as ``table.key``."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield above + key


def _table(text: str) -> Any:
    """A table that a text in the environment is; other texts as they are."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def _below_others(kept: Mapping[str, Any], stronger: Mapping[str, str]) -> dict[str, Any]:
    """What counts of ``kept``: a secret that is in a file elsewhere is not the one of the page."""
    elsewhere = "jwt_secret_file" in stronger
    return {key: kept[key] for key in kept if not (elsewhere and key == "jwt_secret")}


def _refuse_unknown_environment() -> None:
    for variable in os.environ.keys() - {CONFIG_VARIABLE}:
        key = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if variable.startswith(ENVIRONMENT_PREFIX) and key not in Settings.model_fields:
            raise SettingsWrong(f"environment: unknown variable {variable}{_similar(key)}")


def _similar(key: str) -> str:
    near = difflib.get_close_matches(key, Settings.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; see docs/configure.md for the keys"


def _words(wrong: ValidationError, options: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """What is wrong, a line for each; ``places`` names where a key of a file is."""
    lines = []
    for error in wrong.errors():
        key = str(error["loc"][0]) if error["loc"] else ""
        message = error["msg"].removeprefix("Value error, ")
        if len(error["loc"]) > 1:
            message = ".".join(map(_part, error["loc"][1:])) + ": " + message
        if not key:
            lines.append(message)
        elif key in options:
            lines.append(f"option --{key.replace('_', '-')}: {message}")
        elif ENVIRONMENT_PREFIX + key.upper() in os.environ:
            lines.append(f"environment: {ENVIRONMENT_PREFIX}{key.upper()}: {message}")
        elif key in places:
            lines.append(f"{places[key]}: {message}")
        else:
            lines.append(f"{key}: {message}")
    return "\n".join(lines)


def _part(part: int | str) -> str:
    """A place in a table, counted as people count."""
    return f"number {part + 1}" if isinstance(part, int) else part
