"""Facial-expression recognition: data, networks, training and inference."""
