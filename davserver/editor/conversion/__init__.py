"""Documents in other formats."""
