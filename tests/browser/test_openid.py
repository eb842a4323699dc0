"""Signing in at an OpenID provider, in Chromium, across two sites."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.accounts.sources.providers import RealProvider
from tests.browser.conftest import Person, screenshot
from tests.running import ThreadServer


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[RealProvider]:
    running = RealProvider(tmp_path, {"sub": "1", "preferred_username": "ann"})
    yield running
    running.stop()


def test_somebody_signs_in_elsewhere_and_comes_back(
    chromium: Browser, serve: Callable[..., ThreadServer], provider: RealProvider, samples: Path
) -> None:
    # Another site for the browser, so that it treats our cookies as it will.
    url = provider.url.replace("127.0.0.1", "localhost")
    server = serve(
        oidc_issuer=url,
        oidc_client_id="davserver",
        oidc_client_secret="shared",
        oidc_label="Example",
    )
    somebody = Person(chromium, server.url)
    # The provider's page wants a style sheet from the internet.
    somebody.context.route(
        lambda asked: not asked.startswith((server.url, url)), lambda route: route.abort()
    )
    somebody.expected.append("ERR_FAILED")
    page = somebody.page
    page.goto("/Projects/")
    screenshot(page, "sign-in-openid")
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_role("button", name="1", exact=True).click()
    page.wait_for_url(f"{server.url}/Projects/")
    expect(page.locator("body")).to_contain_text("ann")
    somebody.close()
