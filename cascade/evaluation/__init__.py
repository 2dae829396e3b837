"""How good face detectors are: matching, curves, tables, pictures."""
