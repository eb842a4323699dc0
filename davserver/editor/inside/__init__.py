"""What the editor asks for while a document is open."""
