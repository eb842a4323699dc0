"""Resource paths."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver import paths
from davserver.errors import BadRequest, NameNotAllowed, NameTooLong, NotFound

NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")
)


@given(st.lists(NAMES, min_size=0, max_size=5))
def test_every_path_survives_its_href(names: list[bytes]) -> None:
    path = "/" + "/".join(os.fsdecode(name) for name in names)
    encoded = paths.href(path)
    assert encoded.isascii()
    assert not set(encoded) & set(" <>\"'&?#;%\\^`{|}") - {"%"}
    assert paths.decoded(encoded) == path
    assert paths.path_of_key(paths.key(path)) == path


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=2))
def test_keys_of_a_tree_lie_between_its_bounds(names: list[bytes], below: list[bytes]) -> None:
    """One range of the database's index is everything below a folder, and nothing else."""
    folder = "/" + "/".join(os.fsdecode(name) for name in names)
    member = folder + "/" + "/".join(os.fsdecode(name) for name in below)
    stem = paths.key(folder)
    assert stem + "/" < paths.key(member) < stem + "0"
    beside = folder + "x"
    assert not stem + "/" <= paths.key(beside) <= stem + "0"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("//a///b", "/a/b"),
        ("/a%20b", "/a b"),
        ("/%C3%BC", "/ü"),
        ("/ü", "/ü"),
        ("/a%3Fb%23c%25", "/a?b#c%"),
        ("/caf%E9", "/caf\udce9"),
        ("/a+b", "/a+b"),
    ],
)
def test_a_target_names_a_path(target: str, path: str) -> None:
    assert paths.resource_path(target) == path


@pytest.mark.parametrize("target", ["a", "/..", "/a/../b", "/./a", "/%2e%2E", "/a%2Fb", "/a%00"])
def test_a_target_that_names_nothing_is_refused(target: str) -> None:
    with pytest.raises(BadRequest):
        paths.resource_path(target)


def test_a_path_has_an_end() -> None:
    with pytest.raises(NameTooLong):
        paths.resource_path("/a" * 3000)


@pytest.mark.parametrize(
    "target",
    ["/.davserver", "/.DavServer/x", "/-", "/-/edit", "/%2Edavserver", "/.dav%E2%80%8Bserver"],
)
def test_our_own_names_are_not_there(target: str) -> None:
    with pytest.raises(NotFound):
        paths.resource_path(target)


@pytest.mark.parametrize(
    "path", ["/docs/.davserver", "/docs/-", "/.davserver2", "/--", "/davserver"]
)
def test_similar_names_are_everybodys(path: str) -> None:
    assert paths.resource_path(path) == path
    paths.check_new_name(path)


@pytest.mark.parametrize("name", ["a\nb", "\x01", "\x7f", "caf\udce9"])
def test_a_new_name_is_text(name: str) -> None:
    with pytest.raises(NameNotAllowed):
        paths.check_new_name("/" + name)


def test_a_new_name_fits_the_disk() -> None:
    paths.check_new_name("/" + "ü" * 127)
    with pytest.raises(NameTooLong):
        paths.check_new_name("/" + "ü" * 128)


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("/a.DOCX", "docx"),
        ("/a.tar.gz", "gz"),
        ("/.bashrc", ""),
        ("/a", ""),
        ("/a.b/c", ""),
        ("/a.", ""),
    ],
)
def test_an_extension_is_what_follows_the_last_dot(path: str, extension: str) -> None:
    assert paths.extension(path) == extension


def test_a_path_knows_its_folders() -> None:
    assert list(paths.ancestors("/a/b/c")) == ["/a/b", "/a", "/"]
    assert list(paths.ancestors("/")) == []
    assert paths.is_within("/a/b", "/a")
    assert paths.is_within("/a", "/a")
    assert not paths.is_within("/ab", "/a")
    assert paths.moved("/a/a/b", "/a", "/x") == "/x/a/b"
    assert paths.join("/", "a") == "/a"


@pytest.mark.parametrize(
    "name",
    ["._a.docx", ".DS_Store", "~$report.docx", "Thumbs.db", ".~lock.a.odt#", "Desktop.ini"],
)
def test_what_systems_keep_for_themselves_is_noise(name: str) -> None:
    assert paths.is_noise(f"/docs/{name}")


@pytest.mark.parametrize("name", ["a.docx", ".hidden", "~a", "$a", ".~lock.a", "db", "_.a", "#"])
def test_what_people_make_is_no_noise(name: str) -> None:
    assert not paths.is_noise(f"/._x/{name}")
