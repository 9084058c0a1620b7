"""Where pull requests live: GitHub, GitLab, Gitea. It reports; it decides nothing."""
