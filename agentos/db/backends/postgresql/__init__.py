"""PostgreSQL, for databases that other programs write."""
