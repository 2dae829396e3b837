"""Facial-expression recognition: data, networks, training and inference."""

import cascade.interrupts  # noqa: F401 - first: what follows takes its time to load
