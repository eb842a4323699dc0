"""Names of files that come from the editor: typed by people, and taken by every system."""

import re
import unicodedata

from davserver import paths
from davserver.errors import BadRequest
from davserver.words import say

# What Windows refuses in names, and what turns the direction of text: "gpj.exe" read as "exe.jpg".
_REFUSED = re.compile('[\\\\/:*?"<>|\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\..*)?", re.IGNORECASE)


def safe_name(title: str, extension: str) -> str:
    """``title``, which may end with the extension, as the name of a file that ends with it.

    It is in one normal form (UAX #15, NFC), is not hidden, and no device of Windows. Raises
    BadRequest if nothing is left of it.
    """
    ending = f".{extension}"
    stem = " ".join(_REFUSED.sub("", unicodedata.normalize("NFC", title)).split())
    if stem.lower().endswith(ending):
        stem = stem[: -len(ending)]
    stem = stem.strip(". ")
    if not stem:
        raise BadRequest(say("Give it a name."))
    if _DEVICES.fullmatch(stem):
        stem = "_" + stem
    return paths.with_words(stem + ending, "")
