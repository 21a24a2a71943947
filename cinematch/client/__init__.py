"""A typed client of the HTTP API: models of its answers, its problems as errors, retries, pages as iterators."""
