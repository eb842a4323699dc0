"""Stock WsgiDAV on cheroot, as its own command line serves it; no sign-in, no log."""

import sys

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

THREADS = 50  # wsgidav/server/server_cli.py, _run_cheroot


def main(root: str, port: int, *, properties: bool) -> None:
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": root},
            "http_authenticator": {"domain_controller": None},
            "simple_dc": {"user_mapping": {"*": True}},
            "property_manager": properties,
            "logging": {"enable": False},
            "verbose": 1,
        }
    )
    server = Server(("127.0.0.1", port), app, numthreads=THREADS)
    server.safe_start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), properties="properties" in sys.argv[3:])
