"""Measurements of the embedded stack. Indicative: one machine, short runs; each result says what it was measured on."""
