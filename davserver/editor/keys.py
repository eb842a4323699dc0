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
    text = "\0".join((instance_id, resource_id, etag, str(used_up)))
    digest = hashlib.sha256(text.encode()).digest()
    return DocumentKey(base64.b32encode(digest).decode().lower()[:_LENGTH])
