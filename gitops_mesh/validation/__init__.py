"""What is wrong with a set of manifests: schemas, rules and policies give findings. Pure: no I/O, no clock.

A rule is a function in a file of `rules/`, entered in that file's `RULES`.
"""
