"""The administration page, used by somebody with a mouse."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.running import ThreadServer


def test_somebody_is_let_in_put_into_a_group_given_room_and_signed_out(
    server: ThreadServer, person: Callable[..., Person]
) -> None:
    page = person(server).page
    page.goto("/-/admin")
    page.fill("#users form [name=name]", "ann")
    page.click("text=Add a user")
    made = page.locator("code.secret").inner_text()
    ann = person(server, name="ann", password=made)
    expect(ann.page.locator("h1")).to_be_visible()

    page.fill("#groups form:last-of-type [name=name]", "staff")
    page.fill("#groups [name=folder]", "/staff")
    page.click("text=Add a group")
    page.select_option("#groups select[name=name]", "ann")
    page.click("text=Put into the group")
    expect(page.locator("#groups li")).to_contain_text("ann")

    page.fill("#quotas form.adding [name=name]", "/staff")
    page.fill("#quotas [name=size]", "20G")
    page.click("text=Set the quota")
    expect(page.locator("#quotas li")).to_contain_text("0 bytes in use of 20 GB")

    row = page.locator("#users li", has_text="ann")
    row.locator("summary").click()
    row.locator("text=Sign out everywhere").click()
    expect(page.locator(".done")).to_contain_text("ann is signed out everywhere: 1 browser")
    ann.page.goto("/-/account")
    ann.page.wait_for_url("**/-/login?**")
