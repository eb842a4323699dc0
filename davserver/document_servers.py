"""What the settings say of a Document Server: addresses, secret, header. Values, checked once."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from davserver.errors import SettingsWrong

MIN_SECRET_BYTES = 32
"""RFC 7518, 3.2: a key for HS256 has at least the size of the hash."""
HEADER = r"^([A-Za-z][A-Za-z0-9-]{0,63})?$"
PREFIX = r"^[\x21-\x7e]{0,32}$"

# What samples, manuals and demonstration servers use: everybody knows them.
_KNOWN_SECRETS = frozenset(
    {
        "admin",
        "changeme",
        "my_jwt_secret",
        "mysecret",
        "onlyoffice",
        "password",
        "secret",
        "sn2pusuf7muf5jas",
        "verysecretstring",
        "your-256-bit-secret",
        "your_jwt_secret",
    }
)


@dataclass(frozen=True, slots=True)
class ConfiguredServer:
    """A Document Server as the settings describe it.

    ``internal`` is its address for us, empty where it has no other one; ``verify`` is the file of
    its authority, or whether one that this machine knows is asked for; ``header`` and ``prefix``
    are empty where the server itself is to say.
    """

    address: str
    internal: str
    secret: str
    verify: Path | bool
    header: str
    prefix: str


class FurtherServer(BaseModel):
    """A table of ``document_servers`` in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(min_length=1)
    internal: str = ""
    secret_file: Path
    ca: Path | None = None
    verify: bool = True
    header: str = Field("", pattern=HEADER)
    prefix: str = Field("", pattern=PREFIX)

    @field_validator("address", "internal")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("secret_file", "ca")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value else None

    @field_validator("ca")
    @classmethod
    def _authority(cls, value: Path | None) -> Path | None:
        return checked_authority(value)

    @model_validator(mode="after")
    def _one_of_both(self) -> "FurtherServer":
        if self.ca and not self.verify:
            raise ValueError("ca says by what the certificate is checked: leave verify = false out")
        return self


def checked_address(value: str) -> str:
    """A full address without a slash at its end, or nothing. Raises ValueError."""
    if not value:
        return ""
    url = urlsplit(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("give a full address such as https://docs.example.org")
    if url.query or url.fragment or url.username:
        raise ValueError("give the address without user, query and fragment")
    return value.rstrip("/")


def checked_authority(file: Path | None) -> Path | None:
    """The same, if it holds certificates that can be read. Raises ValueError."""
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise ValueError(f"{file} is no PEM file with certificates") from None
        except OSError as fault:
            raise ValueError(f"{file} cannot be read: {fault.strerror}") from None
    return file


def check_secret(secret: str, key: str) -> None:
    """Raise SettingsWrong for a secret that everybody knows; ``key`` is the setting it is from.

    Whoever knows it can write into every document.
    """
    if secret.strip().lower() in _KNOWN_SECRETS:
        raise SettingsWrong(
            f"{key}: this secret is in manuals and known to everybody; make one for both sides: "
            "davserver secret FILE"
        )
