"""A request to continue a session, carried out durably: it outlives the browser that asked, and says how it ended."""
