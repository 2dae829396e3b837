"""Training a detector in stages, whoever trains: inputs, checks, resuming, display, record and report."""
