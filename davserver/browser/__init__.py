"""The folder in a person's browser."""
