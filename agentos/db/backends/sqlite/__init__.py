"""SQLite, for files that other programs write."""
