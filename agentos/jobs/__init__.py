"""Acts on many sessions: what was chosen is frozen, confirmed, and carried out by a job that goes on after a kill."""
