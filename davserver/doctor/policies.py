"""What arrives of our own pages: whether something on the way forbids the editor in them.

A proxy that adds security headers of its own to every answer is the usual reason: two policies
both count (CSP 3, 3.1), so the stricter one wins, whatever ours permits.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.editor.server.client import Looked, look_at
from davserver.errors import DavserverError
from davserver.pages import content_security_policy, origin_of
from davserver.words import say

SIGN_IN = "/-/login"
"""A page of ours that everybody may see; all pages have the same headers but for one origin."""

_OURS = content_security_policy().partition("frame-ancestors")[0]
_SCRIPT = re.compile(rb'src="([^"]+/page\.js)"')
_CURE = say(
    "Take that header out of the proxy in front of davserver for this site (nginx: add_header; "
    "Apache: Header; Traefik: a middleware): davserver sends its own, page by page."
)
Policy = Mapping[str, list[str]]
"""Directives in small letters, each with its sources."""


def parsed(header: str) -> list[Policy]:
    """The policies of a Content-Security-Policy header, or of several that were put together."""
    found: list[Policy] = []
    for policy in header.split(","):
        directives: dict[str, list[str]] = {}
        for part in policy.split(";"):
            name, *sources = part.split() or [""]
            if name:
                # The first of a name counts (CSP 3, 2.2.1).
                directives.setdefault(name.lower(), sources)
        if directives:
            found.append(directives)
    return found


def permits(sources: list[str] | None, origin: str, own: str) -> bool:
    """Whether a list lets in ``origin`` on a page of the origin ``own``; None is no list.

    Source: CSP 3, 6.7.2.
    """
    if sources is None:
        return True
    wanted = urlsplit(origin)
    for source in sources:
        if source in ("*", f"{wanted.scheme}:") or (source == "'self'" and origin == own):
            return True
        scheme, found, rest = source.rpartition("://")
        if found and scheme != wanted.scheme:
            continue
        host = rest.partition("/")[0]
        if host in (wanted.netloc, f"{wanted.hostname}:*"):
            return True
        if host.startswith("*.") and wanted.netloc.endswith(host[1:]):
            return True
    return False


def arriving(page: str, servers: list[str], verify: Path | bool) -> Iterator[Finding]:
    """How a page of ours arrives at ``page``, our address in browsers; ``servers`` are origins."""
    subject, address = say("our pages on their way"), page + SIGN_IN
    try:
        looked = look_at(address, verify, {"Accept": "text/html"})
    except DavserverError as broken:
        cure = say("Nothing, if browsers reach it: open it in one, and look at its headers there.")
        yield advice(
            subject,
            say(
                "from here, {address} cannot be reached: {reason}",
                address=address,
                reason=str(broken),
            ),
            cure,
        )
        return
    if looked.status != 200:
        words = say(
            "{address} answers with status {status}: its headers could not be looked at",
            address=address,
            status=looked.status,
        )
        yield advice(
            subject, words, say("If a proxy asks people to sign in first, that is all right.")
        )
        return
    found = list(_forbidden(looked, origin_of(page), servers))
    yield from found
    if not found:
        yield good(subject, say("have the headers that davserver gave them"))
    yield from _script(looked, page, verify)


def _forbidden(looked: Looked, ours: str, servers: list[str]) -> Iterator[Finding]:
    policies = parsed(looked.headers.get("content-security-policy", ""))
    own = parsed(_OURS)[0]
    foreign = [one for one in policies if not _is_ours(one, own)]
    wrong = [words for policy in foreign for words in _against(policy, ours, servers)]
    subject = "Content-Security-Policy"
    if wrong:
        yield fault(
            subject,
            say("a second one arrives with our pages, and forbids {wrong}", wrong=wrong[0]),
            _CURE,
        )
    elif len(foreign) == len(policies):
        yield advice(
            subject,
            say(
                "the one of davserver does not arrive with its pages: what it forbids is permitted"
            ),
            say("Let the proxy in front of davserver pass this header on as it is."),
        )
    if len(foreign) == len(policies) and looked.headers.get("x-frame-options"):
        # Where frame-ancestors arrives, this one does not count (CSP 3, 6.4.2).
        yield fault(
            "X-Frame-Options",
            say("arrives with our pages, which stand in frames of each other (sharing, embedders)"),
            _CURE,
        )
    embedding = looked.headers.get("cross-origin-embedder-policy", "").split(";")[0].strip()
    if embedding in ("require-corp", "credentialless") and set(servers) - {ours}:
        yield fault(
            "Cross-Origin-Embedder-Policy",
            say(
                "{embedding} arrives with our pages: browsers refuse the editor's frame in them",
                embedding=embedding,
            ),
            _CURE,
        )


def _is_ours(policy: Policy, own: Policy) -> bool:
    return all(policy.get(name) == sources for name, sources in own.items())


def _against(policy: Policy, ours: str, servers: list[str]) -> Iterator[str]:
    """What a policy on pages of ``ours`` forbids of that which the editor needs, in words."""
    if "sandbox" in policy:
        yield say("scripts and forms (sandbox)")
    default = policy.get("default-src")
    scripts = policy.get("script-src-elem", policy.get("script-src", default))
    frames = policy.get("frame-src", policy.get("child-src", default))
    for origin in dict.fromkeys((ours, *servers)):
        if not permits(scripts, origin, ours):
            yield say("scripts of {origin} (script-src)", origin=origin)
    for origin in servers:
        if not permits(frames, origin, ours):
            yield say("frames of {origin} (frame-src)", origin=origin)
    if not permits(policy.get("frame-ancestors"), ours, ours):
        yield say("our pages in frames of our own (frame-ancestors)")


def _script(looked: Looked, page: str, verify: Path | bool) -> Iterator[Finding]:
    """Whether a script of our pages arrives as one."""
    subject, found = say("our scripts on their way"), _SCRIPT.search(looked.content)
    if found is None:
        words = say(
            "what answers at {page}{sign_in} is no page of davserver", page=page, sign_in=SIGN_IN
        )
        yield fault(
            subject, words, say("Set public_url to the address by which browsers reach it.")
        )
        return
    address = origin_of(page) + found[1].decode("latin-1")
    try:
        script = look_at(address, verify)
    except DavserverError as broken:
        yield fault(
            subject, f"{address}: {broken}", say("See what the proxy does with that address.")
        )
        return
    kind = script.headers.get("content-type", "none").partition(";")[0]
    if script.status == 200 and kind == "text/javascript":
        yield good(subject, say("arrive as scripts"))
        return
    yield fault(
        subject,
        say(
            "{address} arrives with status {status} and the type {kind}: browsers do not run it",
            address=address,
            status=script.status,
            kind=kind,
        ),
        say("Let the proxy in front of davserver pass /-/assets/ on as it is."),
    )
