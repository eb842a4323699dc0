"""Passkeys: registered, used alone and as the second step; answers that do not count."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davserver.providers.second_factors import MAX_PASSKEYS, SecondFactors
from tests.accounts.authenticator import PRESENT, Authenticator
from tests.accounts.browsing import Browser, hidden, session_cookie
from tests.clock import later
from tests.running import ADMIN, PASSWORD, ThreadServer


@pytest.fixture
def rows(server: ThreadServer) -> SecondFactors:
    return SecondFactors(server.app.share.catalog)


def invitation(browser: Browser) -> Any:
    return browser.do("passkey-ask").json()


def question(browser: Browser, **fields: str) -> Any:
    return browser.post("/-/login", ask="passkey", **fields).json()


def register(browser: Browser, name: str = "key", **more: Any) -> Authenticator:
    made = Authenticator(browser.url, "127.0.0.1", **more)
    answer = browser.do("passkey", name=name, passkey=made.create(invitation(browser)))
    assert answer.status_code in {200, 303}, answer.text
    return made


def use(browser: Browser, answer: str, **fields: str) -> requests.Response:
    return browser.post("/-/login", passkey=answer, **fields)


def test_it_signs_in_without_name_and_password(server: ThreadServer, browser: Browser) -> None:
    key = register(browser)
    key.count += 1
    other = Browser(server)
    done = use(other, key.get(question(other)), next="/docs/", remember="yes")
    assert (done.status_code, done.headers["Location"]) == (303, "/docs/")
    assert "Max-Age" in session_cookie(done)
    assert other.is_in


def test_the_first_one_brings_recovery_codes(browser: Browser) -> None:
    made = Authenticator(browser.url, "127.0.0.1")
    first = browser.do("passkey", name="1", passkey=made.create(invitation(browser)))
    assert "Your recovery codes" in first.text
    another = Authenticator(browser.url, "127.0.0.1")
    second = browser.do("passkey", name="2", passkey=another.create(invitation(browser)))
    assert second.headers["Location"] == "/-/account?done=passkey"


def test_a_question_tells_nothing_about_anybody(server: ThreadServer, browser: Browser) -> None:
    register(browser)
    assert question(Browser(server))["allowCredentials"] == []
    assert ADMIN not in json.dumps(question(Browser(server)))


def test_it_is_the_second_step_after_the_password(server: ThreadServer, browser: Browser) -> None:
    key = register(browser)
    other = Browser(server)
    asked = other.sign_in()
    assert "Use a passkey" in asked.text
    step = hidden(asked, "step")
    options = question(other, step=step)
    assert len(options["allowCredentials"]) == 1
    key.count += 1
    assert use(other, key.get(options), step=step).status_code == 303
    assert server.client().propfind("/").status_code == 401, "programs need an app password"


def test_that_of_another_user_is_no_second_step(
    server: ThreadServer, browser: Browser, add_user: Callable[[str, str], None]
) -> None:
    register(browser)
    add_user("bob", "bob's password")
    bob = Browser(server)
    bob.sign_in("bob", "bob's password")
    key = register(bob)
    other = Browser(server)
    step = hidden(other.sign_in(ADMIN, PASSWORD), "step")
    key.count += 1
    refused = use(other, key.get(question(other)), step=step)
    assert refused.status_code == 401
    assert not other.is_in


class TestWhatDoesNotCount:
    @pytest.fixture
    def key(self, browser: Browser) -> Authenticator:
        return register(browser)

    def refused(self, browser: Browser, answer: str) -> bool:
        response = use(browser, answer)
        assert response.status_code in {303, 401}
        return response.status_code == 401

    def test_an_answer_counts_once(self, server: ThreadServer, browser: Browser) -> None:
        """Also that of a key that does not count its uses."""
        key = register(browser, count=0)
        other = Browser(server)
        answer = key.get(question(other))
        assert not self.refused(other, answer)
        assert self.refused(other, answer)

    def test_a_copy_is_found_by_its_count(self, server: ThreadServer, key: Authenticator) -> None:
        other = Browser(server)
        key.count = 7
        assert not self.refused(other, key.get(question(other)))
        for count in (7, 6, 0):
            key.count = count
            assert self.refused(other, key.get(question(other)))

    def test_the_question_of_another_browser(
        self, server: ThreadServer, key: Authenticator
    ) -> None:
        one, other = Browser(server), Browser(server)
        key.count += 1
        assert self.refused(other, key.get(question(one)))

    def test_a_question_of_long_ago(self, server: ThreadServer, key: Authenticator) -> None:
        other = Browser(server)
        key.count += 1
        answer = key.get(question(other))
        with later(400):
            assert self.refused(other, answer)

    def test_an_invitation_is_no_question(self, browser: Browser, key: Authenticator) -> None:
        key.count += 1
        assert self.refused(browser, key.get(invitation(browser)))

    def test_a_challenge_that_we_did_not_make(
        self, server: ThreadServer, key: Authenticator
    ) -> None:
        other = Browser(server)
        for challenge in ("", "AAAA", "A" * 75):
            key.count += 1
            assert self.refused(other, key.get({"challenge": challenge}))

    @pytest.mark.parametrize(
        "wrong",
        [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"flags": PRESENT}],
    )
    def test_another_site_or_nobody_verified(
        self, server: ThreadServer, key: Authenticator, wrong: dict[str, Any]
    ) -> None:
        other = Browser(server)
        key.count += 1
        for name, value in wrong.items():
            setattr(key, name, value)
        assert self.refused(other, key.get(question(other)))

    def test_another_key_under_the_same_id(self, server: ThreadServer, key: Authenticator) -> None:
        forged = Authenticator(key.origin, key.site, id=key.id, handle=key.handle, count=9)
        other = Browser(server)
        assert self.refused(other, forged.get(question(other)))

    def test_the_name_of_another_user(self, server: ThreadServer, key: Authenticator) -> None:
        other = Browser(server)
        key.count += 1
        assert self.refused(other, key.get(question(other), userHandle="AAAA"))

    def test_one_that_was_removed(
        self, server: ThreadServer, browser: Browser, key: Authenticator, rows: SecondFactors
    ) -> None:
        browser.do("passkey-remove", id=rows.passkeys(ADMIN)[0].id)
        other = Browser(server)
        key.count += 1
        assert self.refused(other, key.get(question(other)))
        assert other.sign_in().status_code == 303, "the password is enough again"

    def test_one_that_is_not_known(self, server: ThreadServer) -> None:
        other = Browser(server)
        stranger = Authenticator(server.url, "127.0.0.1", handle="AAAA")
        assert self.refused(other, stranger.get(question(other)))

    @given(
        st.one_of(
            st.text(max_size=50),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["id", "rawId", "type", "response", "x"]), inner, max_size=5
                    )
                ),
                max_leaves=9,
            ).map(json.dumps),
        )
    )
    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_nonsense(self, browser: Browser, nonsense: str) -> None:
        assert use(browser, nonsense).status_code == 401
        assert browser.do("passkey", name="x", passkey=nonsense).status_code == 400

    @given(st.data())
    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_an_answer_with_anything_changed(
        self, browser: Browser, key: Authenticator, data: st.DataObject
    ) -> None:
        key.count += 1
        answer = json.loads(key.get(question(browser)))
        part = data.draw(
            st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle"])
        )
        changed = data.draw(
            st.one_of(
                st.text("AZaz09-_", max_size=80),
                st.none(),
                st.just(answer["response"][part][:-4]),
                st.just("AAAA" + answer["response"][part]),
            )
        )
        answer["response"][part] = changed
        assert use(browser, json.dumps(answer)).status_code == 401


class TestRegistering:
    @pytest.mark.parametrize(
        "wrong",
        [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"flags": PRESENT}],
    )
    def test_it_is_for_this_site_and_verified(
        self, browser: Browser, wrong: dict[str, Any], rows: SecondFactors
    ) -> None:
        made = Authenticator(**{"origin": browser.url, "site": "127.0.0.1", **wrong})
        answer = browser.do("passkey", name="x", passkey=made.create(invitation(browser)))
        assert answer.status_code == 400
        assert rows.passkeys(ADMIN) == []

    def test_an_answer_counts_once(self, browser: Browser) -> None:
        made = Authenticator(browser.url, "127.0.0.1")
        answer = made.create(invitation(browser))
        assert browser.do("passkey", name="x", passkey=answer).status_code == 200
        assert browser.do("passkey", name="x", passkey=answer).status_code == 400

    def test_the_same_one_is_not_registered_twice(
        self, server: ThreadServer, browser: Browser, add_user: Callable[[str, str], None]
    ) -> None:
        key = register(browser)
        assert len(invitation(browser)["excludeCredentials"]) == 1
        add_user("bob", "bob's password")
        bob = Browser(server)
        bob.sign_in("bob", "bob's password")
        twice = bob.do("passkey", name="x", passkey=key.create(invitation(bob)))
        assert twice.status_code == 409

    def test_it_needs_a_name(self, browser: Browser) -> None:
        made = Authenticator(browser.url, "127.0.0.1")
        answer = made.create(invitation(browser))
        assert browser.do("passkey", name=" ", passkey=answer).status_code == 400

    def test_there_are_only_so_many_for_one_user(
        self, browser: Browser, rows: SecondFactors
    ) -> None:
        for number in range(MAX_PASSKEYS):
            rows.add_passkey(ADMIN, f"AA{number:02}", "x", "AAAA", 0)
        made = Authenticator(browser.url, "127.0.0.1")
        answer = browser.do("passkey", name="x", passkey=made.create(invitation(browser)))
        assert answer.status_code == 403

    def test_nobody_removes_that_of_somebody_else(
        self,
        server: ThreadServer,
        browser: Browser,
        rows: SecondFactors,
        add_user: Callable[[str, str], None],
    ) -> None:
        register(browser)
        add_user("bob", "bob's password")
        bob = Browser(server)
        bob.sign_in("bob", "bob's password")
        bob.do("passkey-remove", id=rows.passkeys(ADMIN)[0].id)
        assert len(rows.passkeys(ADMIN)) == 1


def test_challenges_are_forgotten_when_their_time_is_over(
    server: ThreadServer, browser: Browser, rows: SecondFactors
) -> None:
    assert rows.spend_challenge("0" * 64, 0.0)
    assert not rows.spend_challenge("0" * 64, 0.0)
    server.app.housekeeping.run_once()
    assert rows.spend_challenge("0" * 64, 0.0)
