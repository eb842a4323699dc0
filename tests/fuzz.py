"""Random headers and bodies against the parsers: success, or a refusal below 500, whatever comes.

``python -m tests.fuzz --cases 1000000`` is the long form; tests/dav/test_fuzz.py runs a short one.
Case number N of a seed is always the same, so that what fails can be looked at again.
"""

import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click
from lxml import etree

from davserver.dav import digests
from davserver.dav.conditions import Conditions, if_range_holds
from davserver.dav.destination import destination
from davserver.dav.lock import requested_seconds
from davserver.dav.propfind import Query, parse_query
from davserver.dav.proppatch import parse_changes
from davserver.dav.tus import parse_metadata, target
from davserver.dav.xml import empty, multistatus, propstat, read_body, serialized
from davserver.errors import DavserverError
from davserver.model import Entry
from davserver.paths import resource_path
from davserver.ranges import MAX_RANGES, Place, place_of_content, place_of_update, requested_ranges
from davserver.web import Request

ENTRY = Entry("/a", False, 300, 784_111_777_500_000_000, '"e-1"')
TOKEN = "urn:uuid:16f4bd40-15c9-4f3a-8e4f-000000000000"
LATIN = [chr(code) for code in range(0x100)]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Right inputs to begin with, and the pieces that they are made of."""

    seeds: tuple[str, ...]
    pieces: tuple[str, ...]

    def case(self, chance: random.Random) -> str:
        """Something that is nearly right, or made of right pieces, or nothing at all."""
        kind = chance.random()
        if kind < 0.6:
            return self._mutated(chance)
        if kind < 0.9:
            return "".join(chance.choices(self.pieces, k=chance.randrange(12)))
        return "".join(chance.choices(LATIN, k=chance.randrange(40)))

    def _mutated(self, chance: random.Random) -> str:
        text = chance.choice(self.seeds)
        for _ in range(chance.choice((0, 1, 1, 2, 4))):
            start = chance.randrange(len(text) + 1)
            end = min(len(text), start + chance.randrange(8))
            change = chance.randrange(5)
            if change == 0:
                text = text[:start] + text[end:]
            elif change == 1:
                text = text[:end] + text[start:end] * chance.randrange(1, 4) + text[end:]
            elif change == 2:
                text = text[:start] + chance.choice(self.pieces) + text[end:]
            elif change == 3:
                text = text[:start] + chance.choice(LATIN) + text[end:]
            else:
                text = text[:start] + chance.choice(self.seeds)[end:]
        return text


def request(method: str = "PUT", body: bytes = b"", **headers: str) -> Request:
    """A request to /a as it comes from a WSGI server."""
    return Request(
        {
            "REQUEST_METHOD": method,
            "REQUEST_URI": "/a",
            "HTTP_HOST": "files.example.org:8080",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
    )


def _if(text: str) -> None:
    asked = Conditions(request("PUT", **{"if": text}), lambda _: (ENTRY.etag, frozenset({TOKEN})))
    assert all(asked.tokens)
    asked.check_if()


def _condition(name: str, text: str) -> None:
    asked = request("GET", **{name: text})
    if_range_holds(asked, ENTRY)
    conditions = Conditions(asked, lambda _: ("", frozenset()))
    conditions.not_modified(ENTRY)
    conditions.hold(ENTRY)


def _range(text: str) -> None:
    requested_seconds(text)
    found = requested_ranges(text, 300)
    assert len(found) <= MAX_RANGES
    assert sum(one.length for one in found) <= 300
    assert all(0 <= one.first <= one.last < 300 for one in found)


def _place(read: Callable[[str], Place], text: str) -> None:
    place = read(text)
    assert place.first >= 0
    assert place.length is None or place.length > 0


def _address(read: Callable[[str], str], text: str) -> None:
    path = read(text)
    assert path.startswith("/")
    assert path == "/" or not {"", ".", ".."} & set(path[1:].split("/"))


def _claim(name: str, text: str) -> None:
    digests.told(request("GET", want_repr_digest=text), io.BytesIO(b"x"), 1, "")
    asked = request(**{name: text})
    claims = digests.claims_about_content(asked) + digests.claims_about_file(asked)
    b"".join(digests.verified([b"x"], claims))


def _xml(
    parse: Callable[[etree._Element | None], Query | dict[str, str | None]], text: str
) -> None:
    # Now and then as bytes that are no UTF-8.
    body = text.encode("utf-8" if len(text) % 8 else "latin-1", "replace")
    root = read_body(request("PROPFIND", body))
    for element in root if root is not None else ():
        etree.fromstring(serialized(element))
    parsed = parse(root)
    names = parsed.names if isinstance(parsed, Query) else parsed
    etree.fromstring(multistatus(propstat("".join(map(empty, names)), "200 OK")))


def pieces(text: str, *more: str) -> tuple[str, ...]:
    """The words of ``text``, the spaces between them, and what cannot be written there."""
    return (*text.split(), " ", "\t", *more)


_PROPFIND = (
    '<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:y xmlns:x="urn:x"/></D:prop></D:propfind>'
)
_LISTS = Grammar(
    (
        f"(<{TOKEN}>)",
        f'(<{TOKEN}> ["e-1"]) (Not <DAV:no-lock>)',
        f'<http://files.example.org:8080/a%20b> (["e-1"]) (<{TOKEN}>) </c> (Not [W/"]>)"])',
        "</b> (Not<urn:x>)",
    ),
    pieces(
        r"""( ) < > [ ] " Not W/ , urn:x /a http:// ? // [::1] \ </a% ["e-1"] é""",
        f"<{TOKEN}>",
        "<http://files.example.org:8080/a>",
    ),
)
_VALIDATORS = Grammar(
    (
        '"e-1"',
        'W/"e-1", "x" ,,"y,z"',
        "*",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ),
    pieces(
        r'" W/ * , e-1 "e-1" Sun, GMT 06 Nov : 99999 - 1970 00 +0000 \ ²',
    ),
)
_RANGES = Grammar(
    (
        "bytes=0-9",
        "bytes=-5",
        "bytes=5-",
        "bytes=0-1, 4-5,-3",
        "bytes 2-3/10",
        "bytes 2-3/*",
        "append",
        "Second-3600, Infinite",
    ),
    pieces("bytes = - , / * 0 1 299 300 ² append Second- 0-0 -1 items", "9" * 19, "9" * 5000),
)
_ADDRESSES = Grammar(
    (
        "http://files.example.org:8080/b%20c",
        "/a/b%3Fc;d",
        "https://files.example.org/%e6%96%87/",
        "http://other.example/b",
        "http://[::1]:80/x",
    ),
    pieces(
        "/ // : @ ? # ; % %2f %00 %e9 %25 .. . [ ] http a files.example.org :8080 "
        r":99999 - .davserver é \ ftp: * ².",
        "x" * 300,
    ),
)
_DIGESTS = Grammar(
    (
        "sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:",
        "sha-256=5, sha-512=0",
        "SHA-256=LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=",
        "SHA1:11f6ad8ec52a2984abaafd7c3b516503785c2072 ADLER32:790079",
        "nN0=",
    ),
    pieces("sha-256 sha-512 md5 SHA1 ADLER32 = : , ; AAAA 0 ff é =: :, q=1 10", "\xa0"),
)
_METADATA = Grammar(
    (
        "path L2RvY3MvYS5iaW4=,mtime MTcwMDAwMDAwMA==",
        "filename YS5iaW4=, folder L2RvY3M=,empty",
    ),
    pieces("path filename folder L2E= YQ== Lw== Li4= AA== /w== = , é", "L2E=" * 3000),
)
_BODIES = Grammar(
    (
        _PROPFIND,
        '<?xml version="1.0" encoding="utf-8"?>' + _PROPFIND,
        '<propfind xmlns="DAV:"><allprop/><include><getetag/></include></propfind>',
        '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>\0',
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop xml:lang="de"><a xmlns="urn:x">ü<b/>'
        "&amp;</a></D:prop></D:set><D:remove><D:prop><D:displayname/></D:prop></D:remove>"
        "</D:propertyupdate>",
        '<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype>'
        "</D:prop></D:set></D:mkcol>",
        '<!DOCTYPE x [<!ENTITY a "b">]><D:propfind xmlns:D="DAV:">&a;</D:propfind>',
    ),
    pieces(
        """< > / </ /> & ; &#0; &#x1F600; &lt; " ' = xmlns : D: DAV: xml:lang { } """
        "<D:prop> </D:prop> <a> </a> <!-- --> <![CDATA[ ]]> <?pi ?> <!DOCTYPE urn:x",
        ' xmlns=""',
        ' xmlns:x="urn:x"',
        "\0",
        "\ufeff",
        "\ufffe",
        "<a>" * 70,
    ),
)

Target = tuple[Grammar, Callable[[str], None]]
TARGETS: dict[str, Target] = {
    "If": (_LISTS, _if),
    "If-Match": (_VALIDATORS, partial(_condition, "if_match")),
    "If-None-Match": (_VALIDATORS, partial(_condition, "if_none_match")),
    "If-Modified-Since": (_VALIDATORS, partial(_condition, "if_modified_since")),
    "If-Unmodified-Since": (_VALIDATORS, partial(_condition, "if_unmodified_since")),
    "If-Range": (_VALIDATORS, partial(_condition, "if_range")),
    "Range": (_RANGES, _range),
    "Content-Range": (_RANGES, partial(_place, place_of_content)),
    "X-Update-Range": (_RANGES, partial(_place, lambda header: place_of_update(header, 300))),
    "Destination": (
        _ADDRESSES,
        partial(_address, lambda header: destination(request("MOVE", destination=header))),
    ),
    "the address": (_ADDRESSES, partial(_address, resource_path)),
    "Content-Digest": (_DIGESTS, partial(_claim, "content_digest")),
    "Repr-Digest": (_DIGESTS, partial(_claim, "repr_digest")),
    "Digest": (_DIGESTS, partial(_claim, "digest")),
    "Content-MD5": (_DIGESTS, partial(_claim, "content_md5")),
    "OC-Checksum": (_DIGESTS, partial(_claim, "oc_checksum")),
    "PROPFIND": (_BODIES, partial(_xml, parse_query)),
    "PROPPATCH": (_BODIES, partial(_xml, parse_changes)),
    "MKCOL": (_BODIES, partial(_xml, partial(parse_changes, root="mkcol"))),
    "Upload-Metadata": (
        _METADATA,
        partial(_address, lambda header: target(parse_metadata(header))),
    ),
}
# RFC 4918, 9.8.5: another server was named.
EXPECTED = {("Destination", 502)}


class Failure(AssertionError):
    """A case that led to something else than success or a refusal."""


def fuzz(cases: int, seed: int, first: int = 0) -> Counter[tuple[str, int]]:
    """How often each target answered with which status; 200 stands for success."""
    outcomes: Counter[tuple[str, int]] = Counter()
    names = list(TARGETS)
    for number in range(first, first + cases):
        name = names[number % len(names)]
        grammar, run = TARGETS[name]
        text = grammar.case(random.Random((seed << 40) + number))
        status = 200
        try:
            run(text)
        except DavserverError as refused:
            status = refused.status
        except Exception as fault:
            raise Failure(f"case {number} of seed {seed}, {name}: {text!r}") from fault
        if status >= 500 and (name, status) not in EXPECTED:
            raise Failure(f"case {number} of seed {seed}, {name}: {status} for {text!r}")
        outcomes[name, status] += 1
    return outcomes


@click.command()
@click.option("--cases", default=100_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--first", default=0, help="Number of the first case.")
def main(cases: int, seed: int, first: int) -> None:
    """Try CASES random inputs; fail at the first that leads to anything but an answer."""
    began = time.process_time()
    try:
        outcomes = fuzz(cases, seed, first)
    except Failure as failure:
        click.echo(str(failure), err=True)
        sys.exit(1)
    for (name, status), count in sorted(outcomes.items()):
        click.echo(f"{name:20} {status} {count:9,}")
    seconds = time.process_time() - began
    click.echo(f"{cases:,} cases of seed {seed} in {seconds:.0f} s of CPU, none led to a fault")


if __name__ == "__main__":
    main()
