"""The standalone mesh: objects in SQLite, one Envoy on this machine that follows them."""
