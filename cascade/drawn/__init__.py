"""Faces and scenes drawn by our own renderer, the same for the same seed and index everywhere.

Import from the modules: `renderer` (one face), `scenes` (pictures and videos with several), `writers`
(files) and `source` (the training data; the only one that imports torch). The command line is
`python -m cascade.drawn --help`.
"""
