"""The main job on one machine: a repository, an Envoy, a service, a load, the daemon, and a team that merges.

It starts the real parts and acts from the outside only: Git, HTTP, processes. It decides nothing.
"""
