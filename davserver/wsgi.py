"""The application for other WSGI servers: ``gunicorn davserver.wsgi:application``.

Settings come from the environment, and from the TOML file that DAVSERVER_CONFIG names. What
davserver's own server does beyond WSGI is then the other one's business: docs/operate.md.
"""

import atexit
import os
import sys
from pathlib import Path

from davserver import logs
from davserver.app import Application, create_app, prepare
from davserver.setting_sources import CONFIG_VARIABLE, read_settings


def _application() -> Application:
    config = os.environ.get(CONFIG_VARIABLE)
    settings = read_settings(Path(config) if config else None)
    logs.configure(settings.log_format, settings.log_level)
    password = prepare(settings)
    if password:
        sys.stderr.write(f"davserver: {settings.admin_name} may sign in with {password} (once)\n")
    app = create_app(settings)
    app.start()
    atexit.register(app.close)
    return app


application = _application()
