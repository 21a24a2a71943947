"""The read path: statistics and trends, merged from batch and speed on each read."""
