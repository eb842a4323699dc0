"""Document keys. Pure."""

import base64
import hashlib

from davserver.model import DocumentKey

_LENGTH = 40


def document_key(instance_id: str, resource_id: str, etag: str, used_up: int) -> DocumentKey:
    """The key of one state of one file of this installation: 200 bits, beyond guessing.

    ``used_up`` counts the keys of the same state whose session ended with a save: the Document
    Server never opens such a key again. Source: Docs API, "How it works", Co-editing.
    """
    return _key(instance_id, resource_id, etag, str(used_up))


def version_key(instance_id: str, resource_id: str, etag: str) -> DocumentKey:
    """The key of one state for those who look at what was: never one that a session has.

    The Document Server would show the session's text for that, which is another by now.
    """
    return _key(instance_id, resource_id, etag, "version")


def _key(*parts: str) -> DocumentKey:
    text = "\0".join(parts)
    digest = hashlib.sha256(text.encode()).digest()
    return DocumentKey(base64.b32encode(digest).decode().lower()[:_LENGTH])
