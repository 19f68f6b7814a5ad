"""Where facts are kept: one story for SQLite now and larger databases later."""
