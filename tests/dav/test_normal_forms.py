"""Unicode: names are kept as they were sent; the other normal form is the same name."""

import os
import unicodedata
import zlib
from pathlib import Path

import pytest

from tests.dav.test_nextcloud import Chunked
from tests.dav.tus_client import TusClient
from tests.dav_client import DavClient, token_of

NFC = unicodedata.normalize("NFC", "Übergröße é")
NFD = unicodedata.normalize("NFD", NFC)
BOTH = pytest.mark.parametrize(("stored", "sent"), [(NFC, NFD), (NFD, NFC)], ids=["nfc", "nfd"])


def names(root: Path) -> list[str]:
    return sorted(name for name in os.listdir(root) if name != ".davserver")


@BOTH
def test_a_name_is_kept_as_it_was_sent(
    client: DavClient, root: Path, stored: str, sent: str
) -> None:
    client.put(f"/{stored}", b"x")
    assert names(root) == [stored]


@BOTH
def test_the_other_form_finds_it(client: DavClient, root: Path, stored: str, sent: str) -> None:
    client.mkcol(f"/{stored}")
    client.put(f"/{stored}/{stored}.txt", b"x")
    assert client.get(f"/{sent}/{sent}.txt").content == b"x"
    assert client.get(f"/{sent}/{stored}.txt").content == b"x"
    assert client.hrefs(f"/{sent}") == client.hrefs(f"/{stored}")
    assert client.get(f"/{sent}/", accept="text/html").status_code == 200


@BOTH
def test_an_upload_in_several_requests_finds_it(
    client: DavClient, root: Path, stored: str, sent: str
) -> None:
    client.mkcol(f"/{stored}")
    tus = TusClient(client)
    assert tus.create(3, b"new", path=f"/{sent}/a.txt").status_code == 201
    chunked = Chunked(client)
    chunked.begin()
    chunked.put(1, b"newer")
    joined = chunked.join(f"/{sent}/b.txt", oc_total_length="5")
    assert joined.status_code == 201
    assert names(root) == [stored]
    assert sorted(os.listdir(root / stored)) == ["a.txt", "b.txt"]
    told = {"X-Recalculate-Hash": "adler32"}
    answer = client.request("PATCH", f"{chunked.files}/{sent}/b.txt", headers=told)
    assert answer.headers["OC-Checksum"] == f"ADLER32:{zlib.adler32(b'newer'):08x}"


@BOTH
def test_writing_under_the_other_form_writes_to_it(
    client: DavClient, root: Path, stored: str, sent: str
) -> None:
    client.mkcol(f"/{stored}")
    client.put(f"/{stored}/{stored}.txt", b"one")
    assert client.put(f"/{sent}/{sent}.txt", b"two").status_code == 204
    assert client.put(f"/{sent}/new.txt", b"x").status_code == 201
    assert client.mkcol(f"/{sent}").status_code == 405
    assert names(root) == [stored]
    assert names(root / stored) == sorted([f"{stored}.txt", "new.txt"])
    assert (root / stored / f"{stored}.txt").read_bytes() == b"two"


@BOTH
def test_a_destination_in_the_other_form_reaches_it(
    client: DavClient, root: Path, stored: str, sent: str
) -> None:
    client.put(f"/{stored}", b"old")
    client.put("/a.txt", b"new")
    assert client.copy("/a.txt", f"/{sent}", overwrite="F").status_code == 412
    assert client.move("/a.txt", f"/{sent}").status_code == 204
    assert names(root) == [stored]
    assert client.move(f"/{stored}", f"/{sent}").status_code == 403, "it is the same name"


@BOTH
def test_locks_properties_and_conditions_know_both_forms(
    client: DavClient, stored: str, sent: str
) -> None:
    tag = client.put(f"/{stored}", b"x").headers["ETag"]
    token = token_of(client.lock(f"/{sent}"))
    assert client.put(f"/{stored}", b"y").status_code == 423
    assert client.proppatch(f"/{sent}", "<D:remove/>").status_code in (400, 423)
    condition = f"<{client.url(f'/{sent}')}> ({token} [{tag}])"
    assert client.put(f"/{sent}", b"y", **{"if": condition}).status_code == 204
    assert client.unlock(f"/{sent}", token).status_code == 204
    assert client.delete(f"/{sent}").status_code == 204


def test_where_both_are_there_each_is_itself(client: DavClient, root: Path) -> None:
    """Another program made them; nothing is mixed up."""
    (root / NFC).write_bytes(b"composed")
    (root / NFD).write_bytes(b"decomposed")
    assert client.get(f"/{NFC}").content == b"composed"
    assert client.get(f"/{NFD}").content == b"decomposed"
    assert client.delete(f"/{NFC}").status_code == 204
    assert names(root) == [NFD]


def test_names_that_are_no_text_are_served_as_they_are(client: DavClient, root: Path) -> None:
    (root / "caf\udce9.txt").write_bytes(b"x")
    assert client.get("/caf\udce9.txt").content == b"x"
    assert client.get("/caf\udcea.txt").status_code == 404
