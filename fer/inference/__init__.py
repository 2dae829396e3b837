"""From pictures, videos and cameras to expressions. Running an exported model imports no torch."""

from fer.inference.faces import Face
from fer.inference.recogniser import ExpressionRecognizer

__all__ = ["ExpressionRecognizer", "Face"]
