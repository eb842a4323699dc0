"""The picture of somebody who gave none: initials on a colour of their own. Pure."""

import hashlib
from base64 import b64encode
from html import escape

# Their initials are white on these: at least 4.5:1 (WCAG 2.2, 1.4.3).
_COLOURS = ("#2461d0", "#14703f", "#8a3ab9", "#a8481b", "#b42532", "#0e6b78", "#5a5f00", "#7a4d00")


def initials(name: str) -> str:
    """Those of ``name``, as a data URL of an SVG."""
    words = [word for word in name.replace(".", " ").replace("-", " ").split() if word[0].isalnum()]
    letters = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
    colour = _COLOURS[hashlib.sha256(name.encode()).digest()[0] % len(_COLOURS)]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" fill="{colour}"/><text x="32" y="33" fill="#fff" '
        'font-family="sans-serif" font-size="28" text-anchor="middle" '
        f'dominant-baseline="central">{escape(letters)}</text></svg>'
    )
    return data_url("image/svg+xml", svg.encode())


def data_url(media_type: str, content: bytes) -> str:
    """``content`` as an address that holds it (RFC 2397)."""
    return f"data:{media_type};base64,{b64encode(content).decode()}"
