"""Real Kafka, MongoDB, Redis and MinIO as child processes on loopback, and the layers beside them."""
