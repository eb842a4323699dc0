"""The operator's choice laid over a configuration. Pure.

Source: Docs API, "Config", editorConfig.
"""

from typing import Any

from davserver.customization import Look
from davserver.language import for_editor, region_of


def with_look(config: dict[str, Any], look: Look, language: str) -> dict[str, Any]:
    """``config`` as the operator wants it; in ``language`` (BCP 47), if that is not empty.

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
    plugins = {**editor.get("plugins", {}), **look.plugins}
    if look.plugins_off:
        plugins["disable"] = list(look.plugins_off)
    if plugins:
        editor["plugins"] = plugins
    if language:
        editor["lang"] = for_editor(language)
    if region_of(language):
        editor["region"] = region_of(language)
    return {**config, "editorConfig": editor}
