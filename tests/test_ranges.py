"""Ranges as they are asked for and written: any header is read, refused, or set aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver.errors import BadRequest, RangeNotSatisfiable
from davserver.ranges import (
    MAX_RANGES,
    ByteRange,
    Place,
    place_of_content,
    place_of_update,
    requested_ranges,
)

sizes = st.integers(0, 300)


@given(st.data(), st.integers(1, 300))
def test_ranges_are_read_as_they_were_written(data: st.DataObject, size: int) -> None:
    edges = sorted(
        data.draw(st.sets(st.integers(0, size), min_size=2, max_size=2 * MAX_RANGES)), key=int
    )
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    expected = [ByteRange(first, after - 1, size) for first, after in pairs]
    expected = data.draw(st.permutations(expected))
    space = data.draw(st.sampled_from(["", " ", "\t"]))
    header = "bytes=" + f"{space},{space}".join(f"{one.first}-{one.last}" for one in expected)
    assert requested_ranges(header, size) == expected


@given(st.one_of(st.text(), st.text("0123456789-, ").map("bytes={}".format)), sizes)
def test_whatever_is_asked_only_bytes_of_the_file_are_sent_and_each_once(
    header: str, size: int
) -> None:
    try:
        found = requested_ranges(header, size)
    except RangeNotSatisfiable:
        return
    sent = [at for one in found for at in range(one.first, one.last + 1)]
    assert len(sent) == len(set(sent)) == sum(one.length for one in found)
    assert all(0 <= at < size for at in sent)
    assert len(found) <= MAX_RANGES


@given(st.text(), sizes)
def test_any_text_places_a_part_or_is_refused(text: str, size: int) -> None:
    for read in (place_of_content, lambda header: place_of_update(header, size)):
        for header in (text, "bytes " + text, "bytes=" + text):
            try:
                place = read(header)
            except (BadRequest, RangeNotSatisfiable):
                continue
            assert place.first >= 0
            assert place.length is None or place.length > 0


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("bytes 2-3/10", Place(2, 2, 10)),
        ("Bytes  0-0/*", Place(0, 1, None)),
        ("bytes 2-3/3", None),
        ("bytes 3-2/10", None),
        ("bytes */10", None),
        ("bytes=2-3/10", None),
        ("bytes 2-/10", None),
        ("items 2-3/10", None),
        ("", None),
        ("bytes 0-" + "9" * 5000 + "/*", None),
    ],
)
def test_content_range_tells_where_a_part_goes(header: str, place: Place | None) -> None:
    if place is None:
        with pytest.raises(BadRequest):
            place_of_content(header)
    else:
        assert place_of_content(header) == place


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("append", Place(10)),
        ("bytes=4-6", Place(4, 3)),
        ("bytes=4-", Place(4)),
        ("bytes=-2", Place(8)),
        ("bytes=-10", Place(0)),
        ("bytes=6-4", None),
        ("bytes=-", None),
        ("bytes=4-6,8-9", None),
        ("", None),
        ("prepend", None),
    ],
)
def test_x_update_range_tells_where_a_patch_goes(header: str, place: Place | None) -> None:
    if place is None:
        with pytest.raises(BadRequest):
            place_of_update(header, 10)
    else:
        assert place_of_update(header, 10) == place


def test_an_update_cannot_begin_before_the_file() -> None:
    with pytest.raises(RangeNotSatisfiable):
        place_of_update("bytes=-11", 10)
