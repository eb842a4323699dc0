"""New documents: blank, from templates, in everybody's language."""
