"""The desk of the editor's tests is attacked here too."""

from tests.editor.conftest import desk, desk_with

__all__ = ["desk", "desk_with"]
