"""The auditor: answers of GET /stats against a replay of the event log, in production as in tests."""
