"""The HTTP API: every layer's router in one application, with one way to fail, one health page, one documentation."""
