"""The write path: watchlist changes over HTTP, one transaction each, and the relay that publishes them."""
