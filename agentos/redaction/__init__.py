"""Taking what must not be kept out of a session: out of Agno's tables, ours, and the files both lie in."""
