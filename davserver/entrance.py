"""The composition of the accounts: by which doors people come in. ``app`` has the rest.

Besides ``app`` the only file that names concrete classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from davserver.accounts.account_page import AccountPage, Rows
from davserver.accounts.admin_page import AdminPage
from davserver.accounts.app_passwords import DevicePasswords
from davserver.accounts.basic import Basic
from davserver.accounts.code_generators import CodeGenerators
from davserver.accounts.credentials import Credentials
from davserver.accounts.digest import Digest
from davserver.accounts.passkeys import Passkeys
from davserver.accounts.people import People
from davserver.accounts.second_factors import SecondStep
from davserver.accounts.sign_in import SignIn
from davserver.accounts.sources import Source
from davserver.accounts.sources.proxy import ProxyUsers
from davserver.accounts.throttle import Devices, Throttle
from davserver.errors import SettingsWrong
from davserver.model import Principal
from davserver.pages import Pages
from davserver.providers.app_passwords import AppPasswords, DigestNonces
from davserver.providers.second_factors import SecondFactors
from davserver.providers.share import Share
from davserver.providers.sign_ins import SignIns
from davserver.providers.users import Users
from davserver.settings import Settings
from davserver.tokens import Tokens
from davserver.web import Environ

if TYPE_CHECKING:
    from davserver.accounts.sources.oidc import Provider


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways to come in, and the page where each person looks after their own."""

    basic: Basic
    digest: Digest | None
    sign_in: SignIn
    account: AccountPage
    admin: AdminPage
    rows: Rows


def vouched_by_proxy(
    settings: Settings, credentials: Credentials
) -> Callable[[Environ], Principal | None] | None:
    """Who a trusted proxy says it is, where one is asked."""
    if not settings.proxy_user_header:
        return None
    proxy = ProxyUsers(settings.proxy_admin_group)

    def vouched(environ: Environ) -> Principal | None:
        told = proxy.told(environ)
        return credentials.vouched(proxy.name, told) if told else None

    return vouched


def open_doors(
    settings: Settings,
    share: Share,
    users: Users,
    credentials: Credentials,
    throttle: Throttle,
    pages: Pages,
    secret: bytes,
) -> Doors:
    """The doors of one installation."""
    catalog = share.catalog
    rows = Rows(users, SignIns(catalog), AppPasswords(catalog), SecondFactors(catalog))
    generators = CodeGenerators(rows.second_factors, secret)
    second = SecondStep(throttle, rows.second_factors, generators, secret)
    passkeys = Passkeys(rows.second_factors, secret)
    algorithms = settings.digest_algorithms
    devices = DevicePasswords(rows.app_passwords, secret, algorithms)
    nonces = DigestNonces(catalog)
    sign_in = SignIn(
        pages,
        credentials,
        rows.sign_ins,
        second,
        passkeys,
        Tokens(secret, "second step"),
        settings.sign_in_hours,
        settings.remember_days,
        Devices(secret),
        settings.oidc_name,
    )
    return Doors(
        Basic(
            credentials,
            devices,
            second,
            account_passwords=settings.basic_account_password,
            changes=catalog.changes,
        ),
        Digest(credentials, devices, nonces, secret, algorithms) if algorithms else None,
        sign_in,
        AccountPage(
            pages,
            share,
            rows,
            credentials,
            sign_in,
            second,
            generators,
            passkeys,
            devices,
        ),
        AdminPage(pages, People(share), share.quotas, credentials, sign_in),
        rows,
    )


def sources_of(settings: Settings) -> list[Source]:
    """Where users come from besides the catalog. Raises SettingsWrong.

    Each is imported where it is named: their libraries are extras.
    """
    found: list[Source] = []
    for name in settings.user_sources[1:]:
        try:
            found.append(_source(name, settings))
        except ModuleNotFoundError as missing:
            raise _not_installed(f"user_sources: {name}", missing, name) from None
    return found


def _not_installed(what: str, missing: ModuleNotFoundError, extra: str) -> SettingsWrong:
    return SettingsWrong(
        f"{what} needs {missing.name}, which is not installed: pip install 'davserver[{extra}]'"
    )


def openid_provider(settings: Settings) -> "Provider | None":
    """The OpenID provider, if one is configured. Raises SettingsWrong."""
    if not settings.oidc_issuer:
        return None
    try:
        from davserver.accounts.sources.oidc import Claims, Client, Provider
    except ModuleNotFoundError as missing:
        raise _not_installed("oidc_issuer", missing, "oidc") from None
    return Provider(
        settings.oidc_issuer,
        Client(settings.oidc_client_id, settings.oidc_secret(), settings.oidc_scopes),
        Claims(settings.oidc_name_claim, settings.oidc_groups_claim, settings.oidc_admin_group),
        settings.oidc_ca,
    )


def _source(name: str, settings: Settings) -> Source:
    if name == "htpasswd":
        from davserver.accounts.sources.htpasswd import Htpasswd

        assert settings.htpasswd_file  # noqa: S101
        return Htpasswd(settings.htpasswd_file)
    if name == "pam":
        from davserver.accounts.sources.pam import Pam

        return Pam(settings.pam_service)
    from davserver.accounts.sources.ldap import Directory, Ldap

    directory = Directory(
        settings.ldap_user_base,
        settings.ldap_user_filter,
        settings.ldap_name_attribute,
        settings.ldap_group_base,
        settings.ldap_group_filter,
        settings.ldap_group_attribute,
        settings.ldap_admin_group,
    )
    return Ldap(
        settings.ldap_url,
        directory,
        settings.ldap_bind_dn,
        settings.ldap_password(),
        start_tls=settings.ldap_start_tls,
        ca=settings.ldap_ca,
    )
