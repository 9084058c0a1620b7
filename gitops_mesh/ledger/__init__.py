"""The ledger: a Git branch whose commits are the transitions of one live mesh, and whose tree is that mesh.

It decides nothing: what is recorded, and when, is said by others.
"""
