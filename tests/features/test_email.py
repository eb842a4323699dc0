"""``davserver user email``: where somebody gets mail."""

from pathlib import Path

import pytest

from davserver.model import is_email
from davserver.providers.share import open_share
from davserver.providers.users import Users
from tests.features.test_command import run


def email_of(root: Path, name: str) -> str:
    share = open_share(root, root / ".davserver", connections=2)
    try:
        user = Users(share.catalog).find(name)
        assert user
        return user.email
    finally:
        share.close()


def test_an_address_is_set_and_taken_away(root: Path) -> None:
    run("user", "add", "ann", "--root", root, "--password-stdin", stdin="long enough\n")
    assert email_of(root, "ann") == ""
    done = run("user", "email", "ann", "ann@example.org", "--root", root)
    assert "ann gets mail at ann@example.org" in done.stdout
    assert email_of(root, "ann") == "ann@example.org"
    assert "ann gets no mail" in run("user", "email", "ann", "--root", root).stdout
    assert email_of(root, "ann") == ""


def test_what_is_no_address_or_nobodys_is_refused(root: Path) -> None:
    run("user", "add", "ann", "--root", root, "--password-stdin", stdin="long enough\n")
    bad = run("user", "email", "ann", "not an address", "--root", root)
    assert bad.exit_code == 1
    assert "no e-mail address" in bad.output
    nobody = run("user", "email", "bob", "bob@example.org", "--root", root)
    assert nobody.exit_code == 1
    assert "There is no user bob" in nobody.output


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ann@example.org", True),
        ("a.b+c@localhost", True),
        ("", False),
        ("ann", False),
        ("ann@", False),
        ("@example.org", False),
        ("Ann <ann@example.org>", False),
        ("a@b.org\nBcc: x@y.org", False),
        ("a@b.org\n", False),
        ("a@b.org,c@d.org", False),
        ("\u00e4@example.org", False),
        ("x" * 65 + "@example.org", False),
    ],
)
def test_addresses(text: str, is_one: bool) -> None:
    assert is_email(text) is is_one
