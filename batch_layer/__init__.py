"""Batch layer: recomputes the batch view from the lake, every night, as a new generation beside the published one."""
