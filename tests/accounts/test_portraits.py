"""What becomes of a picture that somebody sends: small, square, drawn anew, or refused."""

import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from davserver.accounts.portraits import SIDE, portrait
from davserver.errors import BadRequest
from davserver.providers.pictures import MAX_BYTES

FORMATS = ["PNG", "JPEG", "WEBP"]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    kept = BytesIO()
    image.save(kept, kind, **options)
    return kept.getvalue()


def noise(width: int = 200, height: int = 300) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def drawn(content: bytes) -> Image.Image:
    made = portrait(content)
    assert len(made) <= MAX_BYTES
    with Image.open(BytesIO(made)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIDE, SIDE))
        image.load()
        return image.copy()


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    found: Any = image.getpixel(place)
    return all(abs(one - other) < 40 for one, other in zip(found, colour, strict=True))


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG that says this of itself."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class TestPictures:
    @pytest.mark.parametrize("kind", FORMATS)
    def test_each_kind_becomes_a_small_square(self, kind: str) -> None:
        drawn(encoded(noise(), kind))

    def test_the_middle_is_kept(self) -> None:
        wide = Image.new("RGB", (400, 100), "red")
        wide.paste("blue", (150, 0, 250, 100))
        assert all(near(drawn(encoded(wide)), at, (0, 0, 255)) for at in ((5, 64), (122, 64)))

    def test_what_is_transparent_is_white(self) -> None:
        assert near(drawn(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))), (60, 60), (255,) * 3)

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK", "RGBA"])
    def test_every_mode_of_colour_is_read(self, mode: str) -> None:
        kind = "JPEG" if mode == "CMYK" else "PNG"
        drawn(encoded(Image.new(mode, (40, 40)), kind))

    def test_a_photo_that_lies_on_its_side_is_turned(self) -> None:
        photo = Image.new("RGB", (200, 200), "red")
        photo.paste("blue", (0, 0, 200, 100))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned to the right: the top goes to the right
        turned = drawn(encoded(photo, "JPEG", exif=exif))
        assert near(turned, (100, 64), (0, 0, 255))
        assert near(turned, (20, 64), (255, 0, 0))

    def test_a_tiny_one_is_made_larger_and_a_line_does_not_break_it(self) -> None:
        drawn(encoded(Image.new("RGB", (1, 1))))
        drawn(encoded(Image.new("RGB", (5000, 1))))

    def test_a_large_photo_is_taken(self) -> None:
        drawn(encoded(Image.new("RGB", (7000, 7000)), "JPEG"))


class TestNothingElseIsKept:
    def test_metadata_profiles_and_comments_are_gone(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "SECRET place"
        for kind, more in (
            ("JPEG", {"comment": b"SECRET words", "icc_profile": b"SECRET" * 20}),
            ("WEBP", {"xmp": b"SECRET xmp"}),
        ):
            sent = encoded(noise(), kind, exif=exif, **more)
            assert b"SECRET" in sent
            assert b"SECRET" not in portrait(sent)

    @pytest.mark.parametrize("kind", FORMATS)
    def test_what_stands_behind_the_picture_or_in_it_is_gone(self, kind: str) -> None:
        tail = b"PK\x03\x04<script>alert(1)</script>%PDF-1.4"
        made = portrait(encoded(noise(), kind) + tail)
        assert b"script" not in made
        assert b"PK\x03\x04" not in made


class TestHostile:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"hello",
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
            b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
            b"%PDF-1.4\n%%EOF",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"RIFF\x00\x00\x00\x00WEBPVP8 ",
            encoded(Image.new("RGB", (9, 9)), "BMP"),
            encoded(Image.new("RGB", (9, 9)), "TIFF"),
            encoded(Image.new("RGB", (9, 9)), "GIF"),
        ],
        ids=lambda content: content[:8].decode("latin-1"),
    )
    def test_what_is_no_picture_of_ours_is_refused_in_words(self, content: bytes) -> None:
        with pytest.raises(BadRequest, match="PNG, JPEG and WebP are taken"):
            portrait(content)

    @pytest.mark.parametrize("side", [6_000, 12_000, 30_000, 2_000_000_000])
    def test_a_bomb_is_refused_before_it_is_unpacked(self, side: int) -> None:
        zeros = zlib.compress(b"\0" * 1_000_000, 9)
        with pytest.raises(BadRequest):
            portrait(png(side, side, zeros))

    def test_a_picture_that_lies_about_its_size_is_refused(self) -> None:
        with pytest.raises(BadRequest):
            portrait(png(1000, 1000, zlib.compress(b"\0" * 50)))

    def test_a_text_that_unpacks_to_much_is_refused(self) -> None:
        text = zlib.compress(b"a" * 100_000_000, 9)
        body = b"k\0\0" + text
        chunk = struct.pack(">I", len(body)) + b"zTXt" + body
        chunk += struct.pack(">I", zlib.crc32(b"zTXt" + body))
        good = encoded(Image.new("RGB", (20, 20)))
        with pytest.raises(BadRequest):
            portrait(good[:33] + chunk + good[33:])

    @pytest.mark.parametrize("kind", FORMATS)
    def test_one_that_is_cut_off_anywhere_is_refused_or_read(self, kind: str) -> None:
        whole = encoded(noise(60, 60), kind)
        refused = 0
        for end in range(0, len(whole) - 12, max(1, len(whole) // 60)):
            refused += not taken(whole[:end])
        assert refused > 30

    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("seed", range(3))
    def test_bytes_that_lie_never_do_more_than_be_refused(self, kind: str, seed: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        whole, chance = encoded(noise(40, 40), kind, exif=exif), random.Random(seed)
        for _ in range(60):
            broken = bytearray(whole)
            for _ in range(chance.randint(1, 6)):
                broken[chance.randrange(min(len(broken), 400))] = chance.randrange(256)
            taken(bytes(broken))


def taken(content: bytes, of: Callable[[bytes], bytes] = portrait) -> bool:
    try:
        assert len(of(content)) <= MAX_BYTES
    except BadRequest:
        return False
    return True
