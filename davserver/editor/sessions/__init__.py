"""Who edits what: joining, presence, ending."""
