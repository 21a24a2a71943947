"""The only place where a driver is imported; each module is named `<technology>_<role>` and raises our errors."""
