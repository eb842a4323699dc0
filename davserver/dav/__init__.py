"""WebDAV: one module per method, on WsgiDAV's shell and resource API."""
