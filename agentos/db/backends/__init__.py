"""Django database backends for sources: other people's tables, read with a time limit."""
