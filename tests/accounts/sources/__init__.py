"""People from outside."""
