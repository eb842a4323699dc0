"""A WebDAV server with built-in ONLYOFFICE editing."""

__version__ = "0.1.0"
