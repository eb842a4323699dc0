"""Request bodies in XML, read with limits, and the pieces of answers. Knows no file."""

from xml.sax.saxutils import escape

from lxml import etree

from davserver.errors import BadRequest
from davserver.web import Request

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

DAV = "{DAV:}"
# Has its prefix everywhere, and may have no other (Namespaces in XML 1.0, 3).
_XML = "http://www.w3.org/XML/1998/namespace"


def read_body(request: Request) -> etree._Element | None:
    """The root element of the request's body, see ``parsed``. Raises BodyTooLarge too."""
    return parsed(request.body(MAX_BYTES))


def parsed(body: bytes) -> etree._Element | None:
    """The root element of ``body``; None if it is empty. Raises BadRequest.

    No document type is taken, so there are no entities to expand or fetch; comments and processing
    instructions are dropped. Windows 11 pads LOCK bodies with NUL, which is not XML and is cut off.
    """
    body = body.rstrip(b"\0 \t\r\n")
    if not body:
        return None
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as fault:
        raise BadRequest(f"The body is not well-formed XML: {fault.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadRequest("A document type is not taken here.")
    _check_depth(root)
    return root


def _check_depth(root: etree._Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise BadRequest(f"The body is nested more than {MAX_DEPTH} levels deep.")


def serialized(element: etree._Element) -> str:
    """``element`` alone, with the namespaces and the language that it stands in."""
    language = element.xpath("string(ancestor-or-self::*[@xml:lang][1]/@xml:lang)")
    # In ASCII, a name such as "größe" would come out with a character reference, which is no XML.
    copy = etree.fromstring(etree.tostring(element, encoding="unicode", with_tail=False))
    if language:
        copy.set(f"{{{_XML}}}lang", str(language))
    return etree.tostring(copy, encoding="unicode")


def empty(name: str) -> str:
    """An empty element from a name in Clark notation."""
    namespace, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
    if namespace == "DAV:":
        return f"<D:{local}/>"
    if namespace == _XML:
        return f"<xml:{local}/>"
    if not namespace:
        return f'<{local} xmlns=""/>'
    return f'<{local} xmlns="{escape(namespace, {chr(34): "&quot;"})}"/>'


def multistatus(parts: str) -> str:
    """A whole multistatus element (RFC 4918, 14.16)."""
    return f'<D:multistatus xmlns:D="DAV:">{parts}</D:multistatus>'


def propstat(properties: str, status: str, condition: str = "") -> str:
    """A propstat element (RFC 4918, 14.22), with the precondition that was not met, if any."""
    told = f"<D:status>HTTP/1.1 {status}</D:status>"
    if condition:
        told += f"<D:error><D:{condition}/></D:error>"
    return f"<D:propstat><D:prop>{properties}</D:prop>{told}</D:propstat>"


def printable(text: str) -> str:
    """``text`` as XML character data; what XML cannot carry becomes U+FFFD (XML 1.0, 2.2)."""
    if text.isprintable():
        return escape(text)
    return escape("".join(char if _is_xml(ord(char)) else "\ufffd" for char in text))


def _is_xml(code: int) -> bool:
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
