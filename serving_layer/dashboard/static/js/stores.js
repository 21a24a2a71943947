// The stores' names for people, by the names that the endpoints give them.
export const STORES = { mongodb: "MongoDB", kafka: "Kafka", redis: "Redis", s3: "S3 (MinIO)" };
