"""The speed layer: what happened since the last batch, per user, in Redis."""
