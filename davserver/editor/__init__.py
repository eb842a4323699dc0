"""ONLYOFFICE editing: pages, downloads and callbacks, sessions, new documents, versions."""
