"""Measurements: every figure stands beside a limit or a peer of the same run, and says what it was measured on."""
