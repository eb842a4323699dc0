"""The operator's choice laid over a configuration. Pure.

Source: Docs API, "Config", editorConfig.
"""

from typing import Any

from davserver.customization import Look
from davserver.editor.language import editor_language


def with_look(config: dict[str, Any], look: Look, language: str) -> dict[str, Any]:
    """``config`` as the operator wants it, in ``language`` (BCP 47).

    What belongs to the document or the link stays: the way back, and whether guests are asked.
    """
    editor = dict(config["editorConfig"])
    ours = editor["customization"]
    told = {**ours, **look.customization}
    if "goback" in ours:
        told["goback"] = ours["goback"]
    if "anonymous" in ours:
        told["anonymous"] = {**ours["anonymous"], **look.customization.get("anonymous", {})}
    editor["customization"] = told
    editor["coEditing"] = dict(look.co_editing)
    if look.plugins_off:
        editor["plugins"] = {**editor.get("plugins", {}), "disable": list(look.plugins_off)}
    editor["lang"], region = editor_language(language)
    if region:
        editor["region"] = region
    return {**config, "editorConfig": editor}
