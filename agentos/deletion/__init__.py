"""Deleting sessions for good: from their source as Agno does, and all that our own tables hold of them."""
