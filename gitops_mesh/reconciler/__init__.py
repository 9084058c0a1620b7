"""The reconciler: the only place that composes the rooms. `reconciler.py` is the pipeline on one screen."""
