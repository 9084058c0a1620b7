"""What has to change, and what kind of change it is: the three-way diff, waves, the guard, its rendering.

Pure: no I/O, no clock, no log. It decides nothing about time or evidence (that is `rollout`), and
writes nothing (that is the reconciler, through the cluster).
"""
