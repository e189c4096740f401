"""Who did and read what, when, from where and why: an append-only log whose entries hold each other in place."""
