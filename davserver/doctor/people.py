"""Where people come from besides the catalog: whether each can be asked now."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from davserver.doctor.finding import Finding, fault, good
from davserver.entrance import openid_provider, sources_of
from davserver.errors import DavserverError, SettingsWrong
from davserver.settings import Settings
from davserver.words import say

PAM_FOLDERS = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))

_CURES = {
    "htpasswd": say("See htpasswd_file: it has to be there, and be read by this user."),
    "ldap": say(
        "See ldap_url, ldap_ca, ldap_bind_dn, and ldap_bind_password_file; from this machine, try "
        "ldapsearch with the same."
    ),
}


def people(settings: Settings) -> Iterator[Finding]:
    """One finding for each source that is configured."""
    try:
        sources = sources_of(settings)
        provider = openid_provider(settings)
    except SettingsWrong as wrong:
        yield fault(
            say("users"),
            str(wrong),
            say("Install what is missing, or take it out of the settings."),
        )
        return
    for source in sources:
        subject = say("users from {name}", name=source.name)
        if source.name == "pam":
            # A question would be a failed sign-in in the system's own records.
            yield _pam(settings.pam_service)
            continue
        try:
            source.verify(f"davserver-doctor-{secrets.token_hex(4)}", secrets.token_hex(8))
        except DavserverError as broken:
            yield fault(subject, str(broken), _CURES.get(source.name, ""))
        else:
            yield good(subject, say("can be asked"))
    if provider is not None:
        try:
            provider.address("https://localhost/", "x", "x", secrets.token_urlsafe(48))
        except DavserverError as broken:
            cure = say("See oidc_issuer and oidc_ca: /.well-known/openid-configuration below it.")
            yield fault(say("OpenID provider"), str(broken), cure)
        else:
            yield good(say("OpenID provider"), say("{issuer} can be asked", issuer=provider.issuer))


def _pam(service: str) -> Finding:
    if any((folder / service).is_file() for folder in PAM_FOLDERS):
        return good(say("users from pam"), say("the service {service} is set up", service=service))
    cure = say("Write /etc/pam.d/{service}, or name another one with pam_service.", service=service)
    return fault(say("users from pam"), say("there is no service {service}", service=service), cure)
