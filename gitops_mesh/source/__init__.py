"""The source: a Git repository of manifests, fetched into a bare mirror and read at revisions.

It decides nothing: what a file means, and whether a revision is good, is asked elsewhere.
"""
