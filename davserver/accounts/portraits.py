"""From a picture that somebody sent to a small square one: decoded and drawn anew.

Nothing of the file that was sent is kept: no metadata, no profile, nothing behind its end.
"""

import struct
from io import BytesIO
from threading import Lock

from PIL import Image, ImageOps

from davserver.errors import BadRequest
from davserver.words import say

MAX_BYTES = 10 << 20
SIDE = 128
_FORMATS = ("PNG", "JPEG", "WEBP")
# A JPEG is made smaller while it is decoded, the others need four bytes a pixel, twice.
_MAX_PIXELS = {"JPEG": 64_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}
_QUALITY = 88
# What decoders raise for bytes that lie about themselves.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
    # Where warnings are made to be errors.
    Warning,
)
_NO_PICTURE = say("This is no picture that can be read. PNG, JPEG and WebP are taken.")

# One at a time in a process: what a large one needs to be decoded, many at once have not.
_decoding = Lock()


def portrait(content: bytes) -> bytes:
    """The middle of a picture, ``SIDE`` pixels square, as a JPEG. Raises BadRequest."""
    with _decoding:
        try:
            return _drawn(content)
        except _BROKEN:
            raise BadRequest(_NO_PICTURE) from None


def _drawn(content: bytes) -> bytes:
    with Image.open(BytesIO(content), formats=_FORMATS) as sent:
        most = _MAX_PIXELS[sent.format or "PNG"]
        if sent.width * sent.height > most:
            raise BadRequest(
                say(
                    "The picture is too large: at most {megapixels} megapixels.",
                    megapixels=most // 1_000_000,
                )
            )
        sent.draft("RGB", (4 * SIDE, 4 * SIDE))
        upright = ImageOps.exif_transpose(sent)
        square = ImageOps.fit(upright.convert("RGBA"), (SIDE, SIDE), Image.Resampling.LANCZOS)
    # A new picture: the old one's comment would be written along.
    drawn = Image.new("RGB", (SIDE, SIDE), "white")
    drawn.paste(square, mask=square.getchannel("A"))
    kept = BytesIO()
    drawn.save(kept, "JPEG", quality=_QUALITY, optimize=True)
    return kept.getvalue()
