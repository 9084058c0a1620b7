"""Git, hardened: bare repositories, fixed arguments, a scrubbed environment. The one room that imports GitPython.

No work tree, no hooks, no submodules, no `ext::`; nothing that a repository holds is ever executed, and no
exception of GitPython gets out.
"""
