"""Faces and scenes drawn by our own renderer, the same for the same seed and index everywhere.

Import from the modules: `renderer` (one face), `scenes` (pictures and films of several people), `backgrounds` (places
without people) and `writers` (files). The command is `python -m cascade.drawn --help`.
"""
