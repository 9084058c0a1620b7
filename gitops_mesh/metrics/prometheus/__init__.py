"""The Metrics port on Prometheus' HTTP API."""
