"""Clusters: meshes that hold objects with optimistic locking and make a data plane follow them."""
