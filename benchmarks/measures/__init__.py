"""The measures, one a module; see `benchmarks.registry`."""
