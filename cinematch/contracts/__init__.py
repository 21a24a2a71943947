"""Names and encodings that two layers must agree on: topics, event codec, collections, Redis keys, lake paths."""
