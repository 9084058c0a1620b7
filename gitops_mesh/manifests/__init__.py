"""Bytes become manifests: Kubernetes' meaning of YAML, with places for messages. Pure: no I/O."""
