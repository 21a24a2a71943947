"""The current design: Spark recomputes a user's statistics every second and keeps the global trends."""
