"""Metrics providers: they bring integer increments, never a judgement."""
