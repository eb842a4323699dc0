"""The double's conversions answer as the real server's code does."""

import time
from typing import Any

import jwt
import pytest
import requests
from lxml import etree

from tests.documentserver import SECRET, DocumentServerDouble

ORDER = {"async": False, "filetype": "txt", "outputtype": "pdf", "key": "Key-1._=", "url": ""}


def ask(
    double: DocumentServerDouble, secret: str = SECRET, accept: str = "*/*", **claims: Any
) -> requests.Response:
    body = {"token": jwt.encode({**ORDER, **claims}, secret, "HS256")}
    headers = {"Accept": accept}
    return requests.post(f"{double.url}/converter", json=body, headers=headers, timeout=10)


@pytest.fixture
def double(document_server: DocumentServerDouble) -> DocumentServerDouble:
    document_server.cache["/cache/files/a"] = b"words"
    return document_server


def url(double: DocumentServerDouble) -> str:
    return f"{double.url}/cache/files/a?md5=x"


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"key": "a b"}, -7),
        ({"key": "ä"}, -7),
        ({"key": ""}, -7),
        ({"filetype": "../x"}, -7),
        ({"outputtype": "exe"}, -7),
        ({"password": "x" * 256}, -7),
        ({"url": "http://127.0.0.1:9/nobody"}, -4),
    ],
)
def test_it_refuses(double: DocumentServerDouble, claims: dict[str, Any], error: int) -> None:
    assert ask(double, **{"url": url(double), **claims}).json() == {"error": error}


def test_it_takes_nothing_unsigned(double: DocumentServerDouble) -> None:
    assert ask(double, secret="x" * 32).json() == {"error": -8}
    plain = requests.post(f"{double.url}/converter", json=ORDER, timeout=10)
    assert plain.json() == {"error": -8}


def test_it_tells_of_the_end_when_it_is_asked_again(double: DocumentServerDouble) -> None:
    double.conversions.pause = 0.3
    order = {"url": url(double), "async": True}
    assert ask(double, **order).json() == {"endConvert": False, "percent": 0}
    assert ask(double, **order).json()["endConvert"] is False
    time.sleep(0.5)
    done = ask(double, **order).json()
    assert (done["endConvert"], done["fileType"], done["percent"]) == (True, "pdf", 100)
    assert requests.get(done["fileUrl"], timeout=10).content.startswith(b"%PDF")


def test_it_answers_in_xml_where_that_is_preferred(double: DocumentServerDouble) -> None:
    told = ask(double, accept="text/xml", url=url(double))
    assert told.headers["Content-Type"] == "text/xml"
    assert etree.fromstring(told.content).findtext("FileType") == "pdf"


def test_it_knows_a_result_by_key_and_target_alone(double: DocumentServerDouble) -> None:
    """The reason why all parameters belong into the key."""
    first = requests.get(ask(double, url=url(double)).json()["fileUrl"], timeout=10).content
    double.cache["/cache/files/a"] = b"other words"
    again = ask(double, url=url(double), region="de-DE").json()["fileUrl"]
    assert requests.get(again, timeout=10).content == first
    other = ask(double, url=url(double), key="other").json()["fileUrl"]
    assert requests.get(other, timeout=10).content != first
