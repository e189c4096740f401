"""Questions to the list of sessions that people keep under a name. `service.py` is the door."""
