"""The account page and every way to sign in, used by somebody with a mouse."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Person, screenshot
from tests.browser.test_looks import LOOKS, check
from tests.running import ADMIN, PASSWORD, ThreadServer


class Owner(Person):
    """Somebody with a passkey in the computer: Chromium's virtual authenticator."""

    def __init__(self, browser: Browser, server: ThreadServer, **look: Any) -> None:
        # Passkeys need a host name, and plain http is good enough for this one alone.
        super().__init__(browser, f"http://localhost:{server.port}", **look)
        self._tools = self.context.new_cdp_session(self.page)
        self._tools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = self._tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._authenticator = added["authenticatorId"]

    def passkeys(self) -> list[Any]:
        told = self._tools.send("WebAuthn.getCredentials", {"authenticatorId": self._authenticator})
        return list(told["credentials"])

    def is_verified(self, verified: bool) -> None:
        """Whether the finger, face or PIN is the right one from now on."""
        self._tools.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self._authenticator, "isUserVerified": verified},
        )

    def sign_out(self) -> None:
        self.page.goto("/")
        self.page.click("text=Sign out")
        self.page.wait_for_url("**/-/login")


@pytest.fixture
def owner(server: ThreadServer, chromium: Browser) -> Iterator[Owner]:
    somebody = Owner(chromium, server)
    somebody.sign_in()
    yield somebody
    somebody.close()


def add_passkey(owner: Owner) -> None:
    page = owner.page
    page.goto("/-/account")
    page.fill("[data-passkey] [name=name]", "This computer")
    page.click("text=Add a passkey")
    expect(page.locator(".codes li")).to_have_count(10)


def use_generator(page: Page) -> pyotp.TOTP:
    page.goto("/-/account")
    page.click("text=Use codes of an app")
    secret = page.locator(".enrol code").inner_text().replace(" ", "")
    return pyotp.TOTP(secret)


def submit(page: Page, button: str) -> None:
    """Press it and wait for the page that comes."""
    with page.expect_navigation():
        page.click(button)


def test_a_passkey_signs_in_by_itself(owner: Owner) -> None:
    page = owner.page
    add_passkey(owner)
    (made,) = owner.passkeys()
    assert made["isResidentCredential"]
    assert made["rpId"] == "localhost"
    owner.sign_out()
    page.click("text=Sign in with a passkey")
    page.wait_for_url("**/")
    expect(page.locator(".account .who")).to_contain_text(ADMIN)
    page.goto("/-/account")
    expect(page.locator("#second .things li").first).to_contain_text("last used")


def test_after_the_password_it_is_the_second_step(owner: Owner) -> None:
    page = owner.page
    add_passkey(owner)
    owner.sign_out()
    page.fill("[name=name]", ADMIN)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    expect(page.locator("h1")).to_have_text("One more step")
    page.click("text=Use a passkey")
    page.wait_for_url("**/")
    expect(page.locator(".account .who")).to_contain_text(ADMIN)


def test_somebody_else_at_the_computer_does_not_get_in(owner: Owner) -> None:
    page = owner.page
    add_passkey(owner)
    owner.sign_out()
    owner.is_verified(False)
    page.click("text=Sign in with a passkey")
    expect(page.locator("p.problem")).to_have_text("No passkey was used.")
    expect(page.locator("h1")).to_have_text("Sign in")


def test_the_same_computer_is_not_added_twice(owner: Owner) -> None:
    page = owner.page
    add_passkey(owner)
    page.goto("/-/account")
    page.fill("[data-passkey] [name=name]", "Again")
    page.click("text=Add a passkey")
    expect(page.locator("[data-passkey] .problem")).to_contain_text("has a passkey for you already")


def test_a_removed_passkey_signs_nobody_in(owner: Owner) -> None:
    page = owner.page
    add_passkey(owner)
    page.goto("/-/account")
    page.click("button[aria-label='Remove This computer']")
    expect(page.locator(".done")).to_have_text("The passkey is removed.")
    owner.sign_out()
    owner.expected.append("401")
    page.click("text=Sign in with a passkey")
    expect(page.locator("p.problem").first).to_contain_text("not known here")


def test_codes_of_an_app_are_set_up_and_asked_for(owner: Owner) -> None:
    page = owner.page
    app = use_generator(page)
    picture = page.locator(".enrol img")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    owner.expected.append("400")
    page.fill("[name=code]", "000000" if app.now() != "000000" else "111111")
    page.click("text=Confirm")
    expect(page.locator(".problem").first).to_contain_text("clock")
    page.fill("[name=code]", app.now())
    page.click("text=Confirm")
    expect(page.locator(".codes li")).to_have_count(10)
    code = page.locator(".codes code").first.inner_text()
    owner.sign_out()
    page.fill("[name=name]", ADMIN)
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")
    page.fill("[name=code]", code)
    page.click("button.primary")
    page.wait_for_url("**/")
    page.goto("/-/account")
    expect(page.locator("#second")).to_contain_text("9 left")


def test_an_app_password_is_shown_once_works_and_is_revoked(
    owner: Owner, server: ThreadServer
) -> None:
    page = owner.page
    page.goto("/-/account")
    page.fill("[name=name][placeholder='Office laptop']", "Phone & tablet")
    page.check("[name=read_only]")
    page.click("text=Make an app password")
    made = page.locator(".secret").inner_text()
    assert server.client(password=made).propfind("/").status_code == 207
    page.goto("/-/account")
    expect(page.locator(".secret")).to_have_count(0)
    expect(page.locator(".things li").first).to_contain_text("Phone & tablet read only")
    page.click("button[aria-label='Revoke Phone & tablet']")
    expect(page.locator(".done")).to_have_text("The app password is revoked.")
    assert server.client(password=made).propfind("/").status_code == 401


def test_the_page_is_reached_from_every_page_and_signs_out_elsewhere(
    owner: Owner, server: ThreadServer, chromium: Browser
) -> None:
    other = Owner(chromium, server)
    other.sign_in()
    owner.page.goto("/")
    owner.page.click(".account .who")
    owner.page.wait_for_url("**/-/account")
    owner.page.click("text=Sign out everywhere else")
    expect(owner.page.locator(".done")).to_have_text("Every other browser is signed out.")
    other.page.goto("/")
    expect(other.page.locator("h1")).to_have_text("Sign in")
    other.close()


def test_it_works_without_scripts(server: ThreadServer, chromium: Browser) -> None:
    plain = Person(chromium, server.url, java_script_enabled=False)
    plain.sign_in()
    page = plain.page
    page.goto("/-/account")
    expect(page.locator("text=Add a passkey")).to_be_hidden()
    page.fill("[name=current]", PASSWORD)
    page.fill("[name=new]", "a new password")
    page.fill("[name=again]", "a new password")
    page.click("text=Change the password")
    expect(page.locator(".done")).to_contain_text("The password is changed.")
    plain.close()


def test_one_gives_a_picture_and_takes_it_away(
    server: ThreadServer, chromium: Browser, tmp_path: Path
) -> None:
    photo, text = tmp_path / "me.png", tmp_path / "me.txt"
    Image.linear_gradient("L").convert("RGB").save(photo)
    text.write_text("no picture")
    somebody = Owner(chromium, server)
    page = somebody.sign_in().page
    page.goto("/-/account")
    shown = page.locator(".portrait .face")
    expect(shown).to_have_attribute("src", re.compile("^data:image/svg"))
    somebody.expected.append("400")
    page.set_input_files("#portrait", text)
    expect(page.locator("#portrait-problem")).to_contain_text("This is no picture")
    page.set_input_files("#portrait", photo)
    expect(page.locator(".done")).to_have_text("This is your picture from now on.")
    expect(shown).to_have_attribute("src", re.compile("^/-/pictures/[0-9a-f]{64}$"))
    assert page.evaluate("document.querySelector('.who .face').naturalWidth") == 128
    screenshot(page, "account-picture")
    page.goto("/-/admin")
    assert page.evaluate("document.querySelector('#users .face').naturalWidth") == 128
    screenshot(page, "admin-pictures")
    page.goto("/-/account")
    page.locator(".portrait button").click()
    expect(page.locator(".done")).to_have_text("The picture is removed.")
    expect(shown).to_have_attribute("src", re.compile("^data:image/svg"))
    somebody.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_every_state_fits_and_can_be_read(
    server: ThreadServer, chromium: Browser, scheme: Any, size: str
) -> None:
    server.client().mkcol("/Projects")
    somebody = Owner(chromium, server, color_scheme=scheme, **LOOKS[size])
    page = somebody.sign_in().page
    page.goto("/-/account")
    check(page)
    page.fill("[name=name][placeholder='Office laptop']", "Office laptop")
    submit(page, "text=Make an app password")
    check(page)
    page.fill("[name=name][placeholder='Office laptop']", "A phone with a long name, to see it cut")
    page.fill("[name=scope]", "/Projects")
    page.check("[name=read_only]")
    submit(page, "text=Make an app password")
    check(page)
    screenshot(page, f"account-made-{scheme}-{size}")
    use_generator(page)
    check(page)
    screenshot(page, f"account-enrol-{scheme}-{size}")
    add_passkey(somebody)
    check(page)
    screenshot(page, f"account-codes-{scheme}-{size}")
    page.goto("/-/account")
    check(page)
    screenshot(page, f"account-{scheme}-{size}", whole=True)
    somebody.sign_out()
    screenshot(page, f"sign-in-passkey-{scheme}-{size}")
    page.fill("[name=name]", ADMIN)
    page.fill("[name=password]", PASSWORD)
    submit(page, "button.primary")
    check(page)
    screenshot(page, f"second-step-{scheme}-{size}")
    somebody.close()
