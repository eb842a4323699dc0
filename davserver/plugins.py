"""The editor's plugins, by the operator's choice: checked when the settings are read. Pure.

Source: Docs API, "Config", editorConfig, "plugins".
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

MAX_PLUGINS = 100
MAX_OPTIONS = 16 << 10
"""Bytes of all options together, as JSON: each configuration carries them."""
_MAX_ADDRESS = 2000
_A_PLUGIN = re.compile(r"asc\.\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_AN_ADDRESS = re.compile(r"https?://[\x21-\x7e]+")
_LIKE = "asc.{38E022EA-AD92-45FC-B22B-49DF39746DB4}"


def check_identifiers(names: Collection[Any], place: str) -> None:
    """Raise ValueError unless these are identifiers of plugins, and not too many."""
    if isinstance(names, (str, Mapping)) or not isinstance(names, Collection):
        raise ValueError(f"{place} is a list of identifiers like {_LIKE}")
    if len(names) > MAX_PLUGINS:
        raise ValueError(f"{place} has at most {MAX_PLUGINS} plugins")
    for name in names:
        if not isinstance(name, str) or not _A_PLUGIN.fullmatch(name):
            raise ValueError(f"{place}: a plugin has an identifier like {_LIKE}, not {name}")


def check_plugins(table: Mapping[str, Any]) -> None:
    """Raise ValueError, naming the key, unless the editor takes this table."""
    for key, value in table.items():
        if key == "autostart":
            check_identifiers(value, key)
        elif key == "pluginsData":
            _check_addresses(value)
        elif key == "options":
            _check_options(value)
        elif key == "disable":
            raise ValueError("disable: is the setting plugins_off")
        else:
            raise ValueError(f"{key}: one of autostart, pluginsData and options is meant")


def _check_addresses(value: Any) -> None:
    if not isinstance(value, list) or len(value) > MAX_PLUGINS:
        raise ValueError(f"pluginsData is a list of at most {MAX_PLUGINS} addresses")
    for one in value:
        is_text = isinstance(one, str) and len(one) <= _MAX_ADDRESS
        if not is_text or not _AN_ADDRESS.fullmatch(one):
            raise ValueError("pluginsData: each is an address like https://example.org/config.json")


def _check_options(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError("options is a table of tables: one for all, one for each plugin")
    check_identifiers([name for name in value if name != "all"], "options")
    for name, table in value.items():
        if not isinstance(table, dict):
            raise ValueError(f"options.{name} is a table")
    try:
        size = len(json.dumps(value).encode())
    except (TypeError, RecursionError):
        raise ValueError("options: only what JSON knows: no dates, no times") from None
    if size > MAX_OPTIONS:
        raise ValueError(f"options: at most {MAX_OPTIONS >> 10} KiB in all")
