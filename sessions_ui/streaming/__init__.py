"""A turn as its browsers see it: read from the event log, rendered here, sent as server-sent events."""
