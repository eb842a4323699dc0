"""tus by hand: every request as the protocol words it."""

import base64
from typing import Any

import requests

from tests.dav_client import DavClient

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}


def metadata(**pairs: str) -> str:
    return ",".join(
        f"{key.replace('_', '-')} {base64.b64encode(value.encode()).decode()}"
        for key, value in pairs.items()
    )


class TusClient:
    """One upload of one client."""

    def __init__(self, client: DavClient) -> None:
        self.client = client
        self.address = ""

    def create(
        self, length: int, body: bytes = b"", headers: dict[str, str] | None = None, **pairs: str
    ) -> requests.Response:
        fields = {**VERSION, "Upload-Length": str(length), "Upload-Metadata": metadata(**pairs)}
        if body:
            fields |= OCTETS
        fields |= headers or {}
        answer = self.client.request("POST", "/-/upload/", data=body, headers=fields)
        self.address = answer.headers.get("Location", "")
        return answer

    def patch(self, offset: int, body: Any, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {**VERSION, **OCTETS, "Upload-Offset": str(offset), **named}
        return self.client.request("PATCH", self.address, data=body, headers=fields)

    def head(self) -> requests.Response:
        return self.client.request("HEAD", self.address, headers=VERSION)

    def offset(self) -> int:
        return int(self.head().headers["Upload-Offset"])

    def delete(self) -> requests.Response:
        return self.client.request("DELETE", self.address, headers=VERSION)
