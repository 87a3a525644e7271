"""Standard errors and intervals for penalised least squares, and what they take for granted."""

from fastreg.inference.ridge import RIDGE_METHODS, ridge_inference
from fastreg.inference.selective import selective_inference
from fastreg.inference.table import Inference

__all__ = ["RIDGE_METHODS", "Inference", "ridge_inference", "selective_inference"]
