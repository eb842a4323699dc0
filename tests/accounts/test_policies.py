"""Policy files: grants that lie in the folder itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from davserver.model import Role
from davserver.providers.policies import parsed
from tests.dav_client import DavClient
from tests.running import ThreadServer

NAME = ".access.toml"


@pytest.fixture
def server(serve: Callable[..., ThreadServer], root: Path) -> ThreadServer:
    for folder in ("plans", "plans/open", "other"):
        (root / folder).mkdir()
        (root / folder / "a.txt").write_bytes(b"content")
    return serve(policy_file=NAME)


@pytest.fixture
def ann(server: ThreadServer, add_user: Callable[[str, str], None]) -> DavClient:
    add_user("ann", "correct horse")
    return server.client("ann")


def test_a_policy_counts_for_its_folder_and_below(ann: DavClient, root: Path) -> None:
    (root / "plans" / NAME).write_text('"user:ann" = "viewer without download"\n')
    assert ann.propfind("/plans/open/a.txt").status_code == 207
    assert ann.get("/plans/open/a.txt").status_code == 403
    assert ann.put("/plans/a.txt", b"x").status_code == 403
    assert ann.put("/other/a.txt", b"x").status_code == 204


def test_a_change_counts_with_the_next_request(ann: DavClient, root: Path) -> None:
    (root / "plans" / NAME).write_text('everyone = "none"\n')
    assert ann.get("/plans/a.txt").status_code == 404
    (root / "plans" / NAME).write_text('everyone = "editor"\n')
    assert ann.get("/plans/a.txt").status_code == 200
    (root / "plans" / NAME).unlink()
    assert ann.get("/plans/a.txt").status_code == 200


@pytest.mark.parametrize(
    "text", ["everyone = ", 'ann = "viewer"', "everyone = 1", 'everyone = "x"']
)
def test_one_that_cannot_be_read_closes_its_folder(
    ann: DavClient, client: DavClient, root: Path, text: str
) -> None:
    (root / "plans" / NAME).write_text(text)
    assert ann.get("/plans/a.txt").status_code == 404
    assert client.get("/plans/a.txt").status_code == 200


def test_nobody_gives_themselves_more_by_writing_one(
    ann: DavClient, client: DavClient, root: Path
) -> None:
    ann.put("/other/mine.toml", b'everyone = "manager"')
    for told in (
        ann.put(f"/other/{NAME}", b'everyone = "manager"'),
        ann.move("/other/mine.toml", f"/other/{NAME}"),
        ann.copy("/other/mine.toml", f"/other/{NAME}"),
    ):
        assert told.status_code == 404
    (root / "plans" / NAME).write_text('everyone = "viewer"\n')
    assert ann.get(f"/plans/{NAME}").status_code == 404
    assert NAME not in ann.propfind("/plans", depth="1").text
    assert ann.delete(f"/plans/{NAME}").status_code == 404
    assert client.put(f"/plans/{NAME}", b'everyone = "editor"').status_code == 204
    assert ann.put("/plans/a.txt", b"x").status_code == 204


def test_a_folder_with_a_closed_one_in_it_stays(ann: DavClient, root: Path) -> None:
    (root / "plans" / "open" / NAME).write_text('everyone = "none"\n')
    assert ann.delete("/plans").status_code == 207
    assert (root / "plans" / "open" / "a.txt").exists()


def test_what_is_written_is_what_is_given() -> None:
    [one, other] = parsed(
        "/a", b'everyone = "form filler"\n"user:ann" = "editor without print copy"'
    )
    assert (one.role, one.path, one.without) == (Role.FORM_FILLER, "/a", frozenset())
    assert other.without == {"print", "copy"}
    with pytest.raises(ValueError, match="more than"):
        parsed("/a", b"#" * 70_000)
