"""Passwords."""

import pytest
from argon2 import PasswordHasher

from davserver.accounts import passwords


def test_a_hash_is_argon2id_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    made = passwords.hashed("correct horse")
    assert made.startswith("$argon2id$")
    assert "correct" not in made
    assert passwords.matches(made, "correct horse")
    assert not passwords.matches(made, "wrong horse")
    assert not passwords.is_outdated(made)


def test_a_cheaper_hash_is_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    made = passwords.hashed("x")
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    assert passwords.is_outdated(made)


def test_what_is_no_hash_matches_nothing() -> None:
    assert not passwords.matches("", "")
    assert not passwords.matches("plain", "plain")


def test_one_time_passwords_differ_and_can_be_typed() -> None:
    made = {passwords.one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) == 19 and one.isascii() for one in made)
