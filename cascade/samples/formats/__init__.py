"""One module for each annotation format that is read."""
