"""The Document Servers: requests to them, tokens shared with them, what they fetch from us."""
