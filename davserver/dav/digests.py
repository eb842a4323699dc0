"""Digests in headers: what clients claim about bytes that they send, and what we tell about ours.

Content-Digest and Repr-Digest (RFC 9530), Digest (RFC 3230), Content-MD5 (RFC 1864), and the
OC-Checksum of ownCloud's and Nextcloud's clients and rclone.
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from davserver.errors import BadRequest
from davserver.web import BLOCK, Headers, Request

MAX_COMPUTED = 1 << 24
"""Bytes that we hash for a reader who wants a digest that the catalog does not know."""


class Hash(Protocol):
    """What hashlib's objects have."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """The hash of all of them."""


class Adler32:
    """RFC 1950, 8.2, in hashlib's shape."""

    def __init__(self) -> None:
        self._sum = 1

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        self._sum = zlib.adler32(data, self._sum)

    def digest(self) -> bytes:
        """Four bytes, the highest first."""
        return self._sum.to_bytes(4, "big")


def _sha1() -> Hash:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Hash:
    return hashlib.md5(usedforsecurity=False)


NewHash = Callable[[], Hash]
_STRONG: dict[str, NewHash] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
# These two guard against accidents on the way, not against people.
_LEGACY: dict[str, NewHash] = {**_STRONG, "sha": _sha1, "md5": _md5}
OWNCLOUD: dict[str, NewHash] = {
    "SHA256": hashlib.sha256,
    "SHA3-256": hashlib.sha3_256,
    "SHA1": _sha1,
    "MD5": _md5,
    "ADLER32": Adler32,
}
"""As ownCloud's and Nextcloud's clients call them."""
# RFC 8941, 3.2: a member of a dictionary whose value is a byte sequence, or a number.
_BYTES = re.compile(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:;[^,]*)?")
_WANT = re.compile(r"([a-z*][a-z0-9_.*-]*)=([0-9]{1,2})")


@dataclass(frozen=True, slots=True)
class Claim:
    """The digest that bytes must have, by the header that says so."""

    header: str
    new_hash: NewHash
    digest: bytes


def claims_about_content(request: Request) -> list[Claim]:
    """What is claimed about the bytes of the message. Raises BadRequest."""
    claims = _dictionary(request, "Content-Digest")
    md5 = request.header("Content-MD5").strip()
    if md5:
        claims.append(Claim("Content-MD5", _md5, _decoded(md5, "Content-MD5")))
    return claims


def claims_about_file(request: Request) -> list[Claim]:
    """What is claimed about the whole that they belong to. Raises BadRequest."""
    return [*_dictionary(request, "Repr-Digest"), *_digest(request), *claims_of_owncloud(request)]


def claims_of_owncloud(request: Request) -> list[Claim]:
    """The claims of OC-Checksum: one or several, like ``SHA1:HEX MD5:HEX``. Raises BadRequest."""
    claims = []
    for one in request.header("OC-Checksum").split():
        algorithm, separator, value = one.partition(":")
        try:
            # ownCloud's client leaves out the zeros at the beginning of an ADLER32.
            digest = bytes.fromhex(value.zfill(8)) if separator else b""
        except ValueError:
            digest = b""
        if not digest:
            raise BadRequest("OC-Checksum must be like: SHA1:HEX.")
        if algorithm.upper() in OWNCLOUD:
            claims.append(Claim("OC-Checksum", OWNCLOUD[algorithm.upper()], digest))
    return claims


def verified(blocks: Iterable[bytes], claims: list[Claim]) -> Iterator[bytes]:
    """``blocks`` as they come; at their end BadRequest if they are not what was claimed."""
    hashes = {new_hash: new_hash() for new_hash in {claim.new_hash for claim in claims}}
    for block in blocks:
        for one in hashes.values():
            one.update(block)
        yield block
    for claim in claims:
        if hashes[claim.new_hash].digest() != claim.digest:
            raise BadRequest(
                f"The bytes that arrived do not have the digest in {claim.header}. "
                "Nothing was stored; send them again."
            )


def told(request: Request, content: BinaryIO, size: int, sha256: str) -> Headers:
    """The digests of a file that the request wants (Want-Repr-Digest; RFC 9530, 4).

    ``sha256`` is what the catalog knows, or empty; then a file of at most MAX_COMPUTED bytes is
    read. ``content`` is left at its beginning.
    """
    for algorithm in _wanted(request.header("Want-Repr-Digest")):
        if algorithm == "sha-256" and sha256:
            digest = bytes.fromhex(sha256)
        elif size <= MAX_COMPUTED:
            digest = _computed(content, _STRONG[algorithm]())
        else:
            continue
        headers = [("Repr-Digest", f"{algorithm}=:{base64.b64encode(digest).decode()}:")]
        return headers + ([("OC-Checksum", f"SHA256:{sha256}")] if sha256 else [])
    return []


def _wanted(header: str) -> list[str]:
    """The algorithms of ours that are wanted, the one that is liked best first."""
    liked = {}
    for member in _members(header):
        found = _WANT.fullmatch(member)
        if found and found[1] in _STRONG and int(found[2]):
            liked[found[1]] = int(found[2])
    return sorted(liked, key=liked.__getitem__, reverse=True)


def _computed(content: BinaryIO, one: Hash) -> bytes:
    while block := content.read(BLOCK):
        one.update(block)
    content.seek(0)
    return one.digest()


def _dictionary(request: Request, header: str) -> list[Claim]:
    """Claims of RFC 9530; an algorithm that we do not have is not looked at (RFC 9530, 2)."""
    claims = []
    for member in _members(request.header(header)):
        found = _BYTES.fullmatch(member)
        if found is None:
            raise BadRequest(f"{header} must be like: sha-256=:BASE64:.")
        if found[1] in _STRONG:
            claims.append(Claim(header, _STRONG[found[1]], _decoded(found[2], header)))
    return claims


def _digest(request: Request) -> list[Claim]:
    """Claims of RFC 3230, which browsers and clients have not all given up."""
    claims = []
    for member in _members(request.header("Digest")):
        algorithm, separator, value = member.partition("=")
        if not separator:
            raise BadRequest("Digest must be like: sha-256=BASE64.")
        if algorithm.lower() in _LEGACY:
            new_hash = _LEGACY[algorithm.lower()]
            claims.append(Claim("Digest", new_hash, _decoded(value, "Digest")))
    return claims


def _members(header: str) -> Iterator[str]:
    return (one.strip(" \t") for one in header.split(",") if one.strip(" \t"))


def _decoded(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise BadRequest(f"The digest in {header} is not base64.") from None
