"""gitops-mesh: merging a commit is the release."""

__version__ = "0.1.0"
