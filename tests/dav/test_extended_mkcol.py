"""Extended MKCOL (RFC 5689): a folder with its properties, or none."""

from pathlib import Path

import pytest
import requests

from tests.dav_client import DavClient

COLLECTION = "<D:resourcetype><D:collection/></D:resourcetype>"


def mkcol(
    client: DavClient, path: str, prop: str, media_type: str = "text/xml"
) -> requests.Response:
    body = (
        f'<D:mkcol xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop>{prop}</D:prop></D:set></D:mkcol>'
    )
    headers = {"Content-Type": media_type}
    return client.request("MKCOL", path, data=body.encode(), headers=headers)


def test_properties_are_set_as_the_folder_is_made(client: DavClient, root: Path) -> None:
    given = f"{COLLECTION}<D:displayname>Our docs</D:displayname><x:c xml:lang='en'>red</x:c>"
    assert mkcol(client, "/docs", given, "application/xml; charset=utf-8").status_code == 201
    assert (root / "docs").is_dir()
    assert client.property("/docs", "D:displayname").text == "Our docs"  # type: ignore[union-attr]
    color = client.property("/docs", "x:c")
    assert color is not None
    assert color.text == "red"
    assert color.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_the_times_of_a_folder_are_set_as_it_is_made(client: DavClient, root: Path) -> None:
    created = '<Z:Win32CreationTime xmlns:Z="urn:schemas-microsoft-com:">{}</Z:Win32CreationTime>'
    changed, born = "Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT"
    given = f"<D:getlastmodified>{changed}</D:getlastmodified>{created.format(born)}"
    assert mkcol(client, "/docs", given).status_code == 201
    assert client.property("/docs", "D:getlastmodified").text == changed  # type: ignore[union-attr]
    assert client.property("/docs", "D:creationdate").text == "1994-11-05T08:49:37Z"  # type: ignore[union-attr]
    (root / "docs" / "a.txt").touch()
    assert client.property("/docs", "D:getlastmodified").text != changed  # type: ignore[union-attr]
    assert mkcol(client, "/other", created.format("today")).status_code == 409
    assert not (root / "other").exists()


@pytest.mark.parametrize(
    ("prop", "condition"),
    [
        ("<D:resourcetype><x:calendar/></D:resourcetype>", "valid-resourcetype"),
        ("<D:resourcetype><D:collection/><x:a/></D:resourcetype>", "valid-resourcetype"),
        ("<D:resourcetype/>", "valid-resourcetype"),
        (f"{COLLECTION}<D:getetag>x</D:getetag>", "cannot-modify-protected-property"),
        (f"{COLLECTION}<D:sync-token>x</D:sync-token>", "cannot-modify-protected-property"),
    ],
)
def test_a_property_that_cannot_be_set_means_no_folder(
    client: DavClient, root: Path, prop: str, condition: str
) -> None:
    answer = mkcol(client, "/docs", prop + "<x:c>red</x:c>")
    assert answer.status_code == 403
    assert "mkcol-response" in answer.text
    assert condition in answer.text
    assert "424 Failed Dependency" in answer.text
    assert not (root / "docs").exists()


def test_a_body_that_is_no_mkcol_is_refused(client: DavClient, root: Path) -> None:
    xml = {"Content-Type": "application/xml"}
    for body, headers, status in [
        (b"<x/>", xml, 415),
        (b'<D:mkcol xmlns:D="DAV:"/>', {"Content-Type": "text/plain"}, 415),
        (b"<D:mkcol", xml, 400),
        (b'<D:mkcol xmlns:D="DAV:"/>', xml, 400),
    ]:
        assert client.request("MKCOL", "/docs", data=body, headers=headers).status_code == status
    assert not (root / "docs").exists()


def test_the_other_rules_of_mkcol_hold(client: DavClient) -> None:
    assert mkcol(client, "/none/docs", COLLECTION).status_code == 409
    client.mkcol("/docs")
    assert mkcol(client, "/docs", COLLECTION + "<x:c>red</x:c>").status_code == 405
    assert client.property("/docs", "x:c") is None
    client.lock("/docs")
    assert mkcol(client, "/docs/deep", COLLECTION).status_code == 423


def test_a_property_beyond_the_limit_means_no_folder(client: DavClient, root: Path) -> None:
    answer = mkcol(client, "/docs", f"{COLLECTION}<x:c>{'v' * 70000}</x:c>")
    assert (answer.status_code, "quota-not-exceeded" in answer.text) == (507, True)
    assert not (root / "docs").exists()


def test_options_claims_it(client: DavClient) -> None:
    assert "extended-mkcol" in client.request("OPTIONS", "/").headers["DAV"]
