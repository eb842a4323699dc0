"""What the Document Server reports, and where its saves go."""
