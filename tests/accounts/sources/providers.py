"""OpenID providers: a real one in a process of its own, and one that lies as it is told."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.running import START_SECONDS, free_port


class RealProvider:
    """oidc-provider-mock, built on Authlib's server: everybody may sign in by a click."""

    def __init__(self, folder: Path, *people: dict[str, Any]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        words = [f"--user-claims={json.dumps(claims)}" for claims in people]
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *words]
        command += ["--host", "127.0.0.1", "--require-nonce", "true"]
        log = folder / "provider.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**os.environ, "NO_COLOR": "1"}
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{self.url}/jwks", timeout=5).raise_for_status()
                return
            time.sleep(0.05)
        raise AssertionError(f"the provider did not start:\n{log.read_text()}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


class LyingProvider:
    """Answers with the metadata, keys and tokens that a test sets; keeps what it was sent."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
        self.keys: Any = {"keys": [self.key.as_dict(private=False)]}
        self.token: Any = {}
        self.userinfo: Any = {}
        self.sent: list[dict[str, str]] = []
        self.asked: list[str] = []
        lying = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lying.asked.append(self.path)
                answers = {
                    "/.well-known/openid-configuration": lying.metadata,
                    "/keys": lying.keys,
                    "/userinfo": lying.userinfo,
                }
                self.tell(answers[self.path])

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                sent = {name: values[0] for name, values in parse_qs(body).items()}
                lying.sent.append({**sent, "authorization": self.headers["Authorization"] or ""})
                self.tell(lying.token)

            def tell(self, answer: Any) -> None:
                if isinstance(answer, str):
                    self.send_response(302)
                    self.send_header("Location", answer)
                    self.end_headers()
                    return
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                # Who has read enough hangs up.
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.metadata: Any = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
        }

    def claims(self, **more: Any) -> dict[str, Any]:
        """Those of a token that holds, but for what is set otherwise; None leaves one out."""
        now = int(time.time())
        told = {
            "iss": self.url,
            "sub": "1",
            "aud": "davserver",
            "iat": now,
            "exp": now + 300,
            "preferred_username": "ann",
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}

    def signed(self, claims: dict[str, Any], key: Any = None, alg: str = "RS256") -> str:
        return jwt.encode({"alg": alg, "kid": "1"}, claims, key or self.key, algorithms=[alg])

    def answer(self, id_token: str) -> None:
        self.token = {"access_token": "a", "token_type": "Bearer", "id_token": id_token}

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
