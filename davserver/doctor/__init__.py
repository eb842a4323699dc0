"""The doctor: looks at everything that can be wrong, and names the cure. One module a subject."""

from collections.abc import Iterator

from davserver.doctor import browsers, exposure, ourselves, policies, reaching, signatures, site
from davserver.doctor.finding import Finding, Verdict, advice, fault, good
from davserver.doctor.people import people
from davserver.doctor.reports import reports
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.probe import PROBE_PURPOSE
from davserver.errors import DavserverError, SettingsWrong
from davserver.office import document_servers
from davserver.pages import origin_of
from davserver.providers.probes import Probes
from davserver.providers.share import Share, open_share
from davserver.providers.timeline import Timeline
from davserver.settings import Settings
from davserver.tokens import Tokens, server_secret
from davserver.words import say

__all__ = ["Finding", "Verdict", "examine", "examine_server", "worst"]


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything, one finding after the other as they are made."""
    yield good(say("settings"), say("read; the folder is {root}", root=settings.root))
    yield site.folder(settings.root)
    try:
        share = open_share(settings.root, settings.state, settings.sync, connections=2)
    except (DavserverError, OSError) as broken:
        yield fault(say("catalog"), str(broken), say("Give the server the right to write there."))
        return
    try:
        yield site.catalog(share)
        yield from site.hidden_names(settings.root)
        yield from people(settings)
        yield from office(settings, share)
    finally:
        share.close()


def office(settings: Settings, share: Share, us: str = "", page: str = "") -> Iterator[Finding]:
    """The Document Servers, and our address for them.

    ``us`` is that, ``page`` the one that browsers use, both where somebody knows better than the
    settings.
    """
    try:
        servers = document_servers(settings)
    except SettingsWrong as wrong:
        yield fault(say("secret"), str(wrong), say("Write the shared secret into that file."))
        return
    if not servers:
        yield good(
            say("Document Server"),
            say(
                "none is configured; office documents are stored and versioned, not opened. Name "
                "one with document_server and jwt_secret_file to open them (docs/install.md)."
            ),
        )
        return
    us = us or our_address(settings)
    page = page or settings.public_url
    yield from ourselves.ourselves(us, settings.tls_certificate)
    yield from reports(Timeline(share.catalog))
    if page:
        origins = [origin_of(server.public) for server in servers]
        yield from policies.arriving(page, origins, settings.tls_certificate or True)
    for server, configured in zip(servers, settings.office_servers(), strict=True):
        yield signatures.secret(configured.secret, server.public)
        yield from examine_server(settings, share, server, us, page)


def examine_server(
    settings: Settings, share: Share, server: DocumentServer, us: str, page: str
) -> Iterator[Finding]:
    """One Document Server, hop by hop; ``us`` is our address there, ``page`` that in browsers."""
    leeway = settings.jwt_leeway_seconds
    reached = True
    for finding in reaching.reach(server, leeway):
        yield finding
        reached &= finding.is_good or finding.subject == "clock"
    if not reached:
        return
    try:
        server.learn(server.told())
    except DavserverError as broken:
        cure = say("Nothing has to be done: the settings count.")
        yield advice(say("what it says of itself"), str(broken), cure, server.public)
    signed = True
    for finding in signatures.command(server):
        yield finding
        signed &= finding.subject != "Document Server command" or finding.is_good
    if signed:
        links = Tokens(server_secret(settings.state), PROBE_PURPOSE)
        probes = Probes(share.catalog)
        yield from signatures.conversion(server, us, links, probes, leeway)
    yield from browsers.browsers(server, page)
    yield exposure.limits(server, settings.max_document_bytes)
    yield from exposure.exposed(server)


def our_address(settings: Settings) -> str:
    """Our address as the Document Server reaches us, as far as the settings tell."""
    if settings.internal_url or settings.public_url:
        return settings.internal_url or settings.public_url
    scheme = "https" if settings.tls_certificate else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{settings.port}"


def worst(findings: list[Finding]) -> Verdict:
    """The verdict over all of them."""
    found = {finding.verdict for finding in findings}
    return next((one for one in (Verdict.FAULT, Verdict.ADVICE) if one in found), Verdict.GOOD)
