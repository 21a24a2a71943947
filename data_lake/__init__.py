"""The lake: every event as Parquet on S3, exactly once, and the commands that look after it."""
