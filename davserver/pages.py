"""Our HTML pages: Jinja2 templates, with the headers that keep a page to itself. Knows no room."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from davserver import __version__
from davserver.initials import initials
from davserver.media import symbol_of
from davserver.translations import Languages
from davserver.web import Request, Response
from davserver.words import Words, say, say_many

ASSETS = "/-/assets/"
SHARE = "/-/share/"
EDIT = "/-/edit/"
LINKS = "/-/s/"
OEMBED = "/-/api/oembed"
PICTURES = "/-/pictures/"
WORDS = "words"
"""How the names of our assets begin that are the translations for scripts."""

_A_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)(i?)b?")
# Camera and microphone stay: the editor has calls, in a frame that asks for them.
_UNUSED = "geolocation=(), payment=(), usb=(), serial=(), midi=()"
_UNITS = ("", "k", "m", "g", "t")
_SIZES = (
    say("{size} KB"),
    say("{size} MB"),
    say("{size} GB"),
    say("{size} TB"),
    say("{size} PB"),
)


class Pages:
    """Renders the templates in ``templates``; links to the files in ``assets``.

    A page is in the language of the request: templates say what they have to say with ``_`` and
    ``_n`` (``Language.markup``, ``markup_many``), and Words that they show are translated.
    ``picture_of`` tells the name that a user's picture has below ``PICTURES``; empty for none.
    """

    def __init__(
        self,
        templates: Path,
        assets: Path,
        languages: Languages,
        picture_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.assets_version = _digest(assets, languages.digest())
        self.languages = languages
        self._picture_of = picture_of
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_said,
        )
        self._environment.filters.update(
            size=readable_size,
            iso=_iso,
            day=_day,
            last_day=_last_day,
            written_last_day=_written_last_day,
            symbol=symbol_of,
            listed=_listed,
            initials=initials,
        )
        self._environment.globals["version"] = __version__

    def render(
        self,
        request: Request,
        template: str,
        status: int = 200,
        *,
        script_and_frame: str = "",
        frame: str = "",
        embedders: Collection[str] = (),
        **data: Any,
    ) -> Response:
        """A page. ``script_and_frame`` is an origin whose scripts and frames it needs too.

        ``frame`` is one whose frames alone it needs; ``embedders`` are origins whose pages may show
        it in a frame.
        """
        language = request.language
        html = self._environment.get_template(template).render(
            _=language.markup,
            _n=language.markup_many,
            translations=self._translations(request),
            request=request,
            base=request.base,
            at=lambda entry: request.addresses.target(entry.path, folder=entry.is_folder),
            asset=lambda name: self.asset(request, name),
            picture=lambda name: self._picture(request, name),
            **data,
        )
        policy = content_security_policy(script_and_frame, frame, embedders)
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", policy),
            ("X-Content-Type-Options", "nosniff"),
            # With "no-referrer", browsers send our own forms with "Origin: null" (Fetch, 3.2).
            ("Referrer-Policy", "same-origin"),
            ("Permissions-Policy", _UNUSED),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "cross-origin" if embedders else "same-origin"),
            ("Vary", "Accept, Accept-Language, Cookie, Authorization"),
        ]
        return Response(status, html.encode("utf-8", "surrogateescape"), headers)

    def asset(self, request: Request, name: str) -> str:
        """The address of a file in ``assets``, on this site."""
        return f"{request.site}{ASSETS}{self.assets_version}/{name}"

    def _translations(self, request: Request) -> str:
        """Where scripts find their words in the reader's language; empty for English."""
        tag = request.language.tag
        return "" if tag == "en" else self.asset(request, f"{WORDS}.{tag}.js")

    def _picture(self, request: Request, name: str) -> str:
        """The address of a user's picture; empty for none."""
        found = self._picture_of(name)
        return f"{request.site}{PICTURES}{found}" if found else ""

    def error(self, request: Request, status: int, message: str) -> Response:
        """The page that tells a person about a failure."""
        return self.render(request, "error.html", status, status_code=status, message=message)


def content_security_policy(
    other: str = "", frame: str = "", embedders: Collection[str] = ()
) -> str:
    """The policy of our pages: nothing inline, and nothing foreign but what ``other`` serves.

    ``frame`` is an origin of frames alone; pages of ``embedders`` may hold ours.
    """
    also = f" {other}" if other else ""
    framed = f"{also} {frame}" if frame else also
    outer = "".join(f" {origin}" for origin in embedders)
    return (
        "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'; "
        f"frame-ancestors 'self'{outer}; "
        f"script-src 'self'{also}; frame-src 'self'{framed}; img-src 'self' data:{also}; "
        "style-src 'self'; connect-src 'self'; font-src 'self'"
    )


def origin_of(address: str) -> str:
    """Scheme, host and port of an address, for the policy; empty for no address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if address else ""


def discovery(request: Request, embedders: Collection[str]) -> str:
    """Where a document that is opened by a link is described for other pages; empty for none.

    Source: oEmbed 1.0, 4 (discovery).
    """
    link = request.link
    if link is None or link.is_folder or not link.asks_nothing or not embedders:
        return ""
    address = quote(f"{request.origin}{request.base}/", safe="")
    return f"{request.origin}{request.site}{OEMBED}?url={address}"


def readable_size(count: int) -> Words:
    """``count`` bytes for people: 1.2 MB, with a decimal point below ten."""
    if count < 1000:
        return say_many("{count} byte", "{count} bytes", count)
    thousands = min((len(str(count)) - 1) // 3, len(_SIZES))
    size = count / 1000**thousands
    return Words(_SIZES[thousands - 1].message, {"size": size if size < 10 else round(size)})


def parsed_size(text: str) -> int | None:
    """The bytes that people mean by 500, 20M, 1.5 GB or 1.5 GiB; None for other words."""
    found = _A_SIZE.fullmatch(text.strip().lower())
    if found is None:
        return None
    step = 1024 if found[3] else 1000
    return int(float(found[1]) * step ** _UNITS.index(found[2]))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _last_day(end: datetime) -> str:
    """The last day of a time that ends with the beginning of the next."""
    return (end - timedelta(seconds=1)).strftime("%Y-%m-%d")


def _listed(values: Iterable[str]) -> Words:
    """All of them, with commas; what is Words among them is translated, as ``join`` does not."""
    return Words("{values}", {"values": tuple(values)})


@pass_context
def _written_last_day(context: Context, end: datetime) -> str:
    request: Request = context["request"]
    return request.language.day((end - timedelta(seconds=1)).date())


@pass_context
def _said(context: Context, value: object) -> object:
    """What a template shows: Words in the reader's language."""
    if not isinstance(value, Words):
        return value
    request: Request = context["request"]
    return request.language.said(value)


def _digest(folder: Path, more: bytes) -> str:
    """A name for the present content of ``folder``: a page never meets a script of another time."""
    content = hashlib.sha256(more)
    for file in sorted(folder.iterdir()):
        content.update(file.name.encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]
