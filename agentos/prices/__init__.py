"""What models cost: a table that the owner keeps, and what it makes of a run's tokens."""
