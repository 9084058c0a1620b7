"""Mesh objects into Envoy's configuration. Pure: no I/O; the same objects give the same bytes.

Each part reads its fields through `Fields`, so a field that nobody read is a finding by construction.
"""
