"""Standard errors and intervals of penalised fits, and what they take for granted."""

from fastreg.inference.classes import class_inference
from fastreg.inference.generalized import LIKELIHOOD_METHODS, likelihood_inference
from fastreg.inference.likelihood_table import LikelihoodInference
from fastreg.inference.ridge import RIDGE_METHODS, ridge_inference
from fastreg.inference.selective import selective_inference
from fastreg.inference.table import Inference

__all__ = [
    "LIKELIHOOD_METHODS",
    "RIDGE_METHODS",
    "Inference",
    "LikelihoodInference",
    "class_inference",
    "likelihood_inference",
    "ridge_inference",
    "selective_inference",
]
