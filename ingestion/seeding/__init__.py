"""Demo data that nobody typed: an invented catalog and invented users, the same for the same seed, for ever."""
