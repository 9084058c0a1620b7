"""Telling people of transitions; never asks anything, and decides nothing but which events to send."""
