"""Faces: where they come from, how they are fed, what is known to be wrong with them."""
