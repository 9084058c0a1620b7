"""Frozen values that travel along the pipeline; no behaviour beyond derived properties, no I/O."""
