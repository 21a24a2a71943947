"""The batch layer: the nightly job that recomputes everything and publishes it as one generation."""
