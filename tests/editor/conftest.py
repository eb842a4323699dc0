from collections.abc import Callable
from typing import Any

import pytest

from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.desk import Desk
from tests.running import ThreadServer


@pytest.fixture
def desk_with(
    serve: Callable[..., ThreadServer], document_server: DocumentServerDouble
) -> Callable[..., Desk]:
    """A desk whose server has the settings that are named."""

    def make(**options: Any) -> Desk:
        settings = {"document_server": document_server.url, "jwt_secret": SECRET, **options}
        return Desk(serve(**settings), document_server)

    return make


@pytest.fixture
def desk(desk_with: Callable[..., Desk]) -> Desk:
    return desk_with()
