"""From pictures, videos and cameras to expressions. Running an exported model imports no torch."""

from fer.inference.dataframe import to_dataframe
from fer.inference.faces import Face
from fer.inference.recogniser import ExpressionRecognizer

__all__ = ["ExpressionRecognizer", "Face", "to_dataframe"]
