"""Settings: every key with its kind and its default; ``setting_sources`` reads them.

Read once, checked, frozen; ``app`` hands the values down as plain arguments. Secrets come from
files or the environment, never from the TOML file. docs/configure.md explains every key.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from davserver.customization import (
    MAX_FOLDERS,
    Customization,
    DocumentType,
    FolderRule,
    Mode,
    check_customization,
)
from davserver.document_servers import (
    HEADER,
    PREFIX,
    ConfiguredServer,
    FurtherServer,
    check_secret,
    checked_address,
    checked_authority,
)
from davserver.errors import SettingsWrong
from davserver.model import Click, Role, is_email
from davserver.paths import HIDDEN
from davserver.plugins import check_identifiers, check_plugins
from davserver.restrictions import GroupRule, Restrictions, WatermarkRule
from davserver.retention import Policy
from davserver.rights import Rules
from davserver.wishes import CHOICES, check_keys

UserSource = Literal["catalog", "htpasswd", "ldap", "pam"]

ENVIRONMENT_PREFIX = "DAVSERVER_"
SECRETS = frozenset(
    {
        *("admin_password", "jwt_secret", "ldap_bind_password", "oidc_client_secret"),
        *("smtp_password", "webhook_secret"),
    }
)

FILE_KEYS = (
    "root",
    "state_dir",
    "unix_socket",
    "tls_certificate",
    "tls_key",
    "admin_password_file",
    "jwt_secret_file",
    "document_server_ca",
    "htpasswd_file",
    "ldap_ca",
    "ldap_bind_password_file",
    "oidc_ca",
    "oidc_client_secret_file",
    "smtp_ca",
    "smtp_password_file",
    "webhook_secret_file",
)
_MIB = 1 << 20
_WORDS = ("docm", "docx", "dotm", "dotx", "pdf", "txt")
_SHEETS = ("csv", "xlsb", "xlsm", "xlsx", "xltm", "xltx")
_SLIDES = ("potm", "potx", "ppsm", "ppsx", "pptm", "pptx")
_EDIT_FORMATS = tuple(sorted(_WORDS + _SHEETS + _SLIDES))
# What a policy may name (CSP 3, host-source): nothing in it could begin another directive.
_AN_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?")


class Readable(Protocol):
    """What settings are read from (``setting_sources``)."""

    def read(self, kept: Mapping[str, Any] | None = None) -> "Settings":
        """The settings of now; with ``kept`` in place of what the page keeps. SettingsWrong."""
        ...

    def set_keys(self) -> dict[str, str]:
        """Keys that something stronger than the page sets, and what does, in words."""
        ...


class Place(BaseSettings):
    """Where the folder and our state are: known before all else, for the state has settings too."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    root: Path = Path()
    state_dir: Path | None = None

    @field_validator("root", "state_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value else None

    @field_validator("root")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        if not value.is_dir():
            raise ValueError(f"there is no folder {value}; make it or name another one")
        return value

    @property
    def state(self) -> Path:
        """The folder of the catalog, the versions and the server's own secret."""
        return self.state_dir or self.root / HIDDEN

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options before environment before TOML file, ``file_values``, before ``kept_values``."""
        given = cast(InitSettingsSource, init_settings).init_kwargs
        file_values, kept_values = given.pop("file_values", {}), given.pop("kept_values", {})
        from_file = InitSettingsSource(settings_cls, file_values)
        return init_settings, env_settings, from_file, InitSettingsSource(settings_cls, kept_values)


class Settings(Place):
    """Every setting with its default. Paths are absolute, addresses carry no trailing slash."""

    model_config = SettingsConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    threads: int = Field(20, ge=1, le=500)
    stop_seconds: int = Field(10, ge=1, le=3600)
    public_url: str = ""
    internal_url: str = ""

    unix_socket: Path | None = None
    unix_socket_mode: str = Field("660", pattern=r"^[0-7]{3}$")
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    hsts_days: int = Field(0, ge=0, le=3650)
    redirect_port: int = Field(0, ge=0, le=65535)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    proxy_protocol: bool = False
    send_files: Literal["self", "x-accel-redirect", "x-sendfile"] = "self"
    accel_location: str = Field("/-internal/", pattern=r"^/.*/$")

    anonymous: Literal["none", "read", "write"] = "none"
    security_contact: str = Field("", pattern=r"^((mailto:|https://|tel:)[\x21-\x7e]{1,200})?$")
    i_know: bool = False
    admin_name: str = "admin"
    admin_password: SecretStr | None = None
    admin_password_file: Path | None = None
    default_role: Role = Role.EDITOR
    policy_file: str = Field("", pattern=r"^([^/\x00-\x1f]{1,64})?$")
    home_folders: str = Field("", pattern=r"^(/[^/]+)*$")
    sign_in_hours: int = Field(12, ge=1, le=24 * 30)
    remember_days: int = Field(30, ge=0, le=365)
    basic_account_password: bool = True
    digest: bool = False
    digest_md5: bool = False
    ofba: bool = False

    user_sources: Annotated[tuple[UserSource, ...], NoDecode] = ("catalog",)
    htpasswd_file: Path | None = None
    ldap_url: str = Field("", pattern=r"^(ldaps?://[^/?#\s]+)?$")
    ldap_start_tls: bool = True
    ldap_ca: Path | None = None
    ldap_bind_dn: str = ""
    ldap_bind_password: SecretStr | None = None
    ldap_bind_password_file: Path | None = None
    ldap_user_base: str = ""
    ldap_user_filter: str = Field("(uid={name})", pattern=r"^\(.*\{name\}.*\)$")
    ldap_name_attribute: str = Field("uid", pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    ldap_group_base: str = ""
    ldap_group_filter: str = Field("(member={dn})", pattern=r"^\(.*\{(dn|name)\}.*\)$")
    ldap_group_attribute: str = Field("cn", pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    ldap_admin_group: str = ""
    pam_service: str = Field("davserver", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    proxy_user_header: str = Field("", pattern=HEADER)
    proxy_groups_header: str = Field("", pattern=HEADER)
    proxy_admin_group: str = ""
    oidc_issuer: str = ""
    oidc_ca: Path | None = None
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_client_secret_file: Path | None = None
    oidc_scopes: str = "openid profile"
    oidc_name_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_admin_group: str = ""
    oidc_label: str = ""

    sync: Literal["always", "on-close", "off"] = "on-close"
    max_upload_mib: int = Field(0, ge=0)
    upload_hours: int = Field(24, ge=1, le=24 * 30)
    user_quota_mib: int = Field(0, ge=0)
    propfind_infinity: int = Field(0, ge=0, le=1_000_000)
    trash_days: int = Field(30, ge=0, le=3650)
    keep_versions: int = Field(0, ge=0)
    keep_versions_days: int = Field(0, ge=0, le=36500)
    keep_versions_all_days: int = Field(0, ge=0, le=36500)
    keep_versions_mib: int = Field(0, ge=0)

    document_server: str = ""
    document_server_internal: str = ""
    document_server_ca: Path | None = None
    document_server_verify: bool = True
    jwt_secret: SecretStr | None = None
    jwt_secret_file: Path | None = None
    conversions_at_once: int = Field(4, ge=1, le=64)
    conversions_per_minute: int = Field(20, ge=0, le=10_000)
    jwt_header: str = Field("", pattern=HEADER)
    jwt_prefix: str = Field("", pattern=PREFIX)
    jwt_seconds: int = Field(600, ge=60, le=24 * 3600)
    jwt_leeway_seconds: int = Field(60, ge=0, le=600)
    document_servers: tuple[FurtherServer, ...] = ()
    max_document_mib: int = Field(0, ge=0, le=4096)
    edit_formats: Annotated[tuple[str, ...], NoDecode] = _EDIT_FORMATS
    click_actions: dict[str, Click] = Field({"pdf": Click.VIEW}, max_length=200)
    open_in: Literal["same", "tab"] = "same"
    embedders: Annotated[tuple[str, ...], NoDecode] = ()
    preload_editor: bool = False
    editor_groups: Annotated[tuple[str, ...], NoDecode] = ()
    customization: dict[str, Any] = Field({})
    customization_of: dict[DocumentType, dict[str, Any]] = Field({})
    own_customization: Annotated[tuple[str, ...], NoDecode] = tuple(CHOICES)
    folders: tuple[FolderRule, ...] = Field((), max_length=MAX_FOLDERS)
    co_editing: Mode = "fast"
    co_editing_change: bool = True
    live_view_for_guests: bool = False
    macros_for_guests: bool = False
    plugins: dict[str, Any] = Field({})
    plugins_off: Annotated[tuple[str, ...], NoDecode] = ()
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")
    editor_language: str = Field("", pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")
    watermarks: tuple[WatermarkRule, ...] = Field((), max_length=100)
    group_permissions: dict[str, GroupRule] = Field({}, max_length=1000)
    save_minutes: int = Field(5, ge=0, le=24 * 60)
    fresh_reads: Literal["never", "asked", "always"] = "asked"
    conflict: Literal["lock", "fork", "warn"] = "lock"
    new_locale: str = Field("", pattern=r"^([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)?$")
    new_paper: Literal["auto", "a4", "letter"] = "auto"
    new_format: Literal["ooxml", "odf"] = "ooxml"
    templates_folder: str = Field("/Templates", pattern=r"^(/[^/.][^/]*)*$")

    smtp_host: str = Field("", pattern=r"^[A-Za-z0-9.:-]*$")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_ca: Path | None = None
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    smtp_password_file: Path | None = None
    smtp_from: str = ""
    webhook: str = ""
    webhook_secret: SecretStr | None = None
    webhook_secret_file: Path | None = None

    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = False
    audit: bool = True
    audit_reads: bool = False
    audit_days: int = Field(90, ge=1, le=3650)
    audit_max_mib: int = Field(256, ge=1, le=1 << 20)

    _read_from: "Readable" = PrivateAttr()

    @field_validator(*FILE_KEYS[2:])
    @classmethod
    def _absolute_file(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value else None

    @field_validator("public_url", "internal_url", "document_server", "document_server_internal")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("document_server_ca")
    @classmethod
    def _authority(cls, value: Path | None) -> Path | None:
        return checked_authority(value)

    @field_validator("webhook")
    @classmethod
    def _program(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme not in {"http", "https"} or not url.hostname):
            raise ValueError("give a full address such as https://chat.example.org/hooks/1")
        return value

    @field_validator("edit_formats", mode="before")
    @classmethod
    def _formats(cls, value: Any) -> Any:
        return tuple(name.lower().lstrip(".") for name in _several(value))

    @field_validator("click_actions")
    @classmethod
    def _extensions(cls, value: dict[str, Click]) -> dict[str, Click]:
        return {name.lower().lstrip("."): click for name, click in value.items()}

    @field_validator("embedders", mode="before")
    @classmethod
    def _origins(cls, value: Any) -> Any:
        for origin in _several(value):
            if not _AN_ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is no origin like https://intranet.example.org")
        return tuple(_several(value))

    @field_validator("customization")
    @classmethod
    def _customization(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_customization(value)
        return value

    @field_validator("customization_of")
    @classmethod
    def _of_types(
        cls, value: dict[DocumentType, dict[str, Any]]
    ) -> dict[DocumentType, dict[str, Any]]:
        for name, table in value.items():
            try:
                check_customization(table)
            except ValueError as wrong:
                raise ValueError(f"{name}: {wrong}") from None
        return value

    @field_validator("own_customization", mode="before")
    @classmethod
    def _own(cls, value: Any) -> Any:
        keys = _several(value)
        check_keys(keys)
        return tuple(keys)

    @field_validator("plugins")
    @classmethod
    def _plugins(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_plugins(value)
        return value

    @field_validator("plugins_off", mode="before")
    @classmethod
    def _plugins_off(cls, value: Any) -> Any:
        found = tuple(_several(value))
        check_identifiers(found, "plugins_off")
        return found

    @field_validator("editor_groups", mode="before")
    @classmethod
    def _groups(cls, value: Any) -> Any:
        return tuple(_several(value))

    @field_validator("user_sources", mode="before")
    @classmethod
    def _sources(cls, value: Any) -> Any:
        return tuple(_several(value))

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        """As it is, with or without a slash at its end: tokens name it letter by letter."""
        cls._address(value)
        url = urlsplit(value)
        if value and url.scheme != "https" and not is_loopback(_host(url)):
            raise ValueError("the provider says who people are, so it has to be reached by https")
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        for network in _several(value):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError(f"{network} is no address or network like 10.0.0.0/8") from None
        return tuple(_several(value))

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.anonymous == "write" and not self.i_know and not is_loopback(self.host):
            raise ValueError(
                f"anonymous = write lets everybody who reaches {self.host} change your files; "
                "use host 127.0.0.1, or add --i-know if that is what you want"
            )
        if self.document_server and not (self.jwt_secret or self.jwt_secret_file):
            raise ValueError(
                "document_server needs the secret that the Document Server signs with: "
                "put it into a file and name it with jwt_secret_file (or set DAVSERVER_JWT_SECRET)"
            )
        if self.document_server_ca and not self.document_server_verify:
            raise ValueError(
                "document_server_ca says by what the certificate is checked: "
                "leave document_server_verify = false out"
            )
        addresses = [self.document_server, *(one.address for one in self.document_servers)]
        if len(set(addresses)) < len(addresses):
            raise ValueError("document_servers: every Document Server is named once")
        if self.new_format == "odf" and not {"odt", "ods", "odp"} <= set(self.edit_formats):
            raise ValueError(
                'new_format = "odf" makes documents that open for reading alone: '
                "add odt, ods and odp to edit_formats"
            )
        if self.digest_md5 and not self.digest:
            raise ValueError("digest_md5 adds MD5 to Digest, which digest = true switches on")
        if self.tls_key and not self.tls_certificate:
            raise ValueError("tls_key is of no use without tls_certificate")
        if self.redirect_port and not self.tls_certificate:
            raise ValueError("redirect_port leads to https, which needs tls_certificate")
        if self.unix_socket and self.tls_certificate:
            raise ValueError("a unix_socket needs no TLS: leave tls_certificate out")
        self._check_sources()
        self._check_notices()
        state = self.state_dir
        if state and state.is_relative_to(self.root) and state != self.root / HIDDEN:
            raise ValueError(
                f"state_dir lies inside the served folder, where clients could read it; "
                f"leave it out (it is {HIDDEN} then) or name a folder elsewhere"
            )
        return self

    def _check_notices(self) -> None:
        """Whether everything is there that is needed to send notices."""
        if self.smtp_host and not is_email(self.smtp_from):
            raise ValueError("smtp_host needs smtp_from: the address that mail comes from")
        if self.smtp_host and self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError(
                "smtp_security = none would send what people write over the network as it is"
            )
        if self.webhook and not (self.webhook_secret or self.webhook_secret_file):
            raise ValueError(
                "webhook needs a secret to be signed with: name a file with webhook_secret_file"
            )
        if (self.smtp_host or self.webhook) and not self.public_url:
            raise ValueError("public_url is needed: what is sent out has links to documents in it")

    def _check_sources(self) -> None:
        """Whether everything is there that the sources of users need."""
        sources = self.user_sources
        if sources[:1] != ("catalog",) or len(set(sources)) < len(sources):
            raise ValueError(
                'user_sources begins with "catalog", whose users come first, and names each once'
            )
        if "htpasswd" in sources and not self.htpasswd_file:
            raise ValueError("user_sources: htpasswd needs htpasswd_file")
        if "ldap" in sources:
            if not (self.ldap_url and self.ldap_user_base):
                raise ValueError("user_sources: ldap needs ldap_url and ldap_user_base")
            url = urlsplit(self.ldap_url)
            if url.scheme == "ldap" and not self.ldap_start_tls and not is_loopback(_host(url)):
                raise ValueError(
                    "ldap_start_tls = false would send passwords over the network as they are"
                )
        if self.proxy_user_header and not (self.trusted_proxies or self.unix_socket):
            raise ValueError("proxy_user_header needs trusted_proxies: who may say who somebody is")
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id")
        if self.oidc_issuer and "openid" not in self.oidc_scopes.split():
            raise ValueError("oidc_scopes has openid among them")

    @property
    def sources(self) -> "Readable":
        """Where they were read from, and can be read again."""
        return self._read_from

    def remember(self, sources: "Readable") -> None:
        """Note where they were read from."""
        self._read_from = sources

    @property
    def base_path(self) -> str:
        """The path below which the site is published: that of ``public_url``, or empty."""
        return urlsplit(self.public_url).path

    @property
    def max_upload_bytes(self) -> int:
        """The largest file that is taken; 0 leaves it to the disk."""
        return self.max_upload_mib * _MIB

    @property
    def rules(self) -> Rules:
        """Who may do what where no grant says anything."""
        return Rules(self.default_role, self.home_folders, self.policy_file)

    @property
    def editor_customization(self) -> Customization:
        """How the editor looks and behaves."""
        return Customization(
            self.customization,
            self.folders,
            self.co_editing,
            self.co_editing_change,
            self.live_view_for_guests,
            self.macros_for_guests,
            self.plugins_off,
            self.editor_language,
            self.customization_of,
            self.own_customization,
            self.plugins,
        )

    @property
    def restrictions(self) -> Restrictions:
        """What the editor shows over documents, and what groups keep from others."""
        return Restrictions(self.watermarks, self.group_permissions)

    @property
    def oidc_name(self) -> str:
        """What people know the OpenID provider as."""
        return self.oidc_label or urlsplit(self.oidc_issuer).hostname or ""

    @property
    def digest_algorithms(self) -> tuple[str, ...]:
        """By what Digest may be answered, the best one first; empty where it is off."""
        return (("SHA-256",) if self.digest else ()) + (("MD5",) if self.digest_md5 else ())

    @property
    def user_quota_bytes(self) -> int:
        """What the files of a user may have together, unless the user has a quota; 0: no limit."""
        return self.user_quota_mib * _MIB

    @property
    def kept_versions(self) -> Policy:
        """Which earlier versions are kept."""
        return Policy(
            self.keep_versions,
            self.keep_versions_days,
            self.keep_versions_all_days,
            self.keep_versions_mib * _MIB,
        )

    @property
    def audit_max_bytes(self) -> int:
        """What the audit log may take on the disk."""
        return self.audit_max_mib * _MIB

    @property
    def max_document_bytes(self) -> int:
        """The largest document that goes to the Document Server or comes back; 0: it says."""
        return self.max_document_mib * _MIB

    def administrator_password(self) -> str | None:
        """The administrator's password where one was set. Raises SettingsWrong for a bad file."""
        return _secret(self.admin_password, self.admin_password_file, "admin_password_file")

    def document_server_secret(self) -> str:
        """The secret shared with the Document Server; empty where none is set."""
        secret = _secret(self.jwt_secret, self.jwt_secret_file, "jwt_secret_file") or ""
        check_secret(secret, "jwt_secret_file")
        return secret

    def office_servers(self) -> tuple[ConfiguredServer, ...]:
        """Every Document Server, the preferred one first. Raises SettingsWrong for a bad secret."""
        found = []
        if self.document_server:
            found.append(
                ConfiguredServer(
                    self.document_server,
                    self.document_server_internal,
                    self.document_server_secret(),
                    self.document_server_ca or self.document_server_verify,
                    self.jwt_header,
                    self.jwt_prefix,
                )
            )
        for one in self.document_servers:
            secret = _secret(None, one.secret_file, "document_servers: secret_file") or ""
            check_secret(secret, "document_servers: secret_file")
            found.append(
                ConfiguredServer(
                    one.address,
                    one.internal,
                    secret,
                    one.ca or one.verify,
                    one.header,
                    one.prefix,
                )
            )
        return tuple(found)

    def ldap_password(self) -> str:
        """The password of ``ldap_bind_dn``; empty where none is set."""
        file = self.ldap_bind_password_file
        return _secret(self.ldap_bind_password, file, "ldap_bind_password_file") or ""

    def mail_password(self) -> str:
        """The password of ``smtp_user``; empty where none is set."""
        return _secret(self.smtp_password, self.smtp_password_file, "smtp_password_file") or ""

    def hook_secret(self) -> str:
        """What the webhook is signed with; empty where none is set."""
        return _secret(self.webhook_secret, self.webhook_secret_file, "webhook_secret_file") or ""

    def oidc_secret(self) -> str:
        """What proves us to the OpenID provider; empty for a public client."""
        file = self.oidc_client_secret_file
        return _secret(self.oidc_client_secret, file, "oidc_client_secret_file") or ""


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: SplitResult) -> str:
    return url.hostname or ""


def _several(value: Any) -> list[str]:
    """The items of a TOML list, or of a text in the environment."""
    items = value.replace(",", " ").split() if isinstance(value, str) else value
    return [str(item) for item in items]


def _secret(value: SecretStr | None, file: Path | None, key: str) -> str | None:
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsWrong(f"{key}: cannot read {file}: {fault}") from None
    if not text:
        raise SettingsWrong(f"{key}: {file} is empty; write the secret into it")
    return text
