"""What the Spark layers share: the session, the Kafka source, the lake reader."""
