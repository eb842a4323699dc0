"""Every state of a document: shown, compared, named, restored."""
