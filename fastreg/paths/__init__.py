"""Regularisation paths: one problem at many strengths, each point certified.

    P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²)

The squares are weighted, m is the sum of the weights, and the factors f_j ≥ 0 are 1 by default.
`path` reads X for several strengths at once, and extends a Gram matrix of the columns in use.
"""

from fastreg.paths.arguments import check_bool, factors_of, penalty_of, ratio_of
from fastreg.paths.factors import Factors
from fastreg.paths.fitting import path, warn
from fastreg.paths.of_classes import ClassPath
from fastreg.paths.origins import InMemory, Source
from fastreg.paths.results import Path, Relaxed
from fastreg.paths.selected import Selected
from fastreg.paths.signatures import enet_path, lasso_path
from fastreg.paths.tables import Table

__all__ = [
    "ClassPath",
    "Factors",
    "InMemory",
    "Path",
    "Relaxed",
    "Selected",
    "Source",
    "Table",
    "check_bool",
    "enet_path",
    "factors_of",
    "lasso_path",
    "path",
    "penalty_of",
    "ratio_of",
    "warn",
]
