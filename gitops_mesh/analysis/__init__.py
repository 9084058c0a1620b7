"""Measurements become verdicts; one file for each judge. Pure: no I/O, no clock."""
