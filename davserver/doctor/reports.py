"""Whether the Document Servers' reports reach us, as far as the last day tells.

Nobody but an open editor makes them send one, so this looks at what happened, and tries nothing.
"""

import time
from collections.abc import Iterator

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.providers.share import DAY
from davserver.providers.timeline import Timeline, What
from davserver.words import say

PATIENCE_SECONDS = 2 * 60
"""So long after a document was opened its first report may take."""
_SURELY = 3
"""After so many openings without a report it is no tab that was closed too soon."""


def reports(timeline: Timeline) -> Iterator[Finding]:
    """Nothing where nobody opened a document to edit it."""
    now, subject = time.time(), say("reports of the Document Server")
    opened = timeline.count(What.OPENED, "to edit", now - DAY, now - PATIENCE_SECONDS)
    arrived = timeline.count(What.REPORTED, "", now - DAY, now)
    if arrived:
        yield good(subject, say("arrive: {number} in the last day", number=arrived))
    elif opened:
        words = say(
            "none arrived in the last day, though documents were opened to edit: {number}",
            number=opened,
        )
        cure = say(
            "Let the proxy in front of davserver pass POST to /-/callback/ on as it is: without a "
            "sign-in or a redirect, with up to 16 MiB. The log of the Document Server names the "
            "address that it could not post to. Until then, saves come late: they are fetched."
        )
        yield fault(subject, words, cure) if opened >= _SURELY else advice(subject, words, cure)
