"""The fast mirror: one row a session and one a run in our own database, kept in step with the sources."""
