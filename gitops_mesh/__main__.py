"""`python -m gitops_mesh`."""

from gitops_mesh.cli.main import main

main()
