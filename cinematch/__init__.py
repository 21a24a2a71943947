"""The shared kernel of CineMatch: what every layer uses, and nothing that knows a layer."""
