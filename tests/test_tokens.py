"""Our own tokens."""

import threading
from pathlib import Path

import jwt
import pytest

from davserver.tokens import TokenNotValid, Tokens, derived, server_secret
from tests.clock import later

SECRET = b"s" * 32


def test_a_token_says_what_was_put_in() -> None:
    tokens = Tokens(SECRET, "download")
    assert tokens.read(tokens.issue({"rid": "x"}, 60))["rid"] == "x"


def test_a_token_ends() -> None:
    tokens = Tokens(SECRET, "download")
    token = tokens.issue({}, 60)
    with later(61), pytest.raises(TokenNotValid):
        tokens.read(token)


def test_a_token_of_one_purpose_is_worthless_for_another() -> None:
    token = Tokens(SECRET, "download").issue({"rid": "x"}, 60)
    with pytest.raises(TokenNotValid):
        Tokens(SECRET, "callback").read(token)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-2] + "xx",
        lambda token: jwt.encode({"aud": "download", "exp": 2**33}, "", "none"),
        lambda token: jwt.encode({"aud": "download", "exp": 2**33}, "x" * 32, "HS256"),
        lambda token: jwt.encode({"aud": "download"}, derived(SECRET, "download"), "HS256"),
        lambda token: jwt.encode({"exp": 2**33}, derived(SECRET, "download"), "HS256"),
        lambda token: "",
        lambda token: "a.b.c",
    ],
)
def test_a_forged_token_is_not_valid(forge) -> None:  # type: ignore[no-untyped-def]
    tokens = Tokens(SECRET, "download")
    with pytest.raises(TokenNotValid):
        tokens.read(forge(tokens.issue({}, 60)))


def test_the_servers_secret_is_made_once_and_private(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(server_secret(tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
