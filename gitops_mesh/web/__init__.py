"""HTTP: health, readiness, metrics and status; closed by default, on loopback."""
