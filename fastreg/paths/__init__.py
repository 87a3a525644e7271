"""Regularisation paths: one problem at many strengths, each point certified.

    P(w, b) = ‖y − Xw − b‖²/(2m) + alpha·Σ_j f_j (l1_ratio·│w_j│ + ½(1 − l1_ratio)·w_j²)

with weights in the squares, m their sum, and factors f_j ≥ 0, 1 unless given. `path` is the
unit of work: X is read for several strengths at once, and a Gram matrix of the columns in
use is extended along the way.
"""

from fastreg.paths.arguments import check_bool, factors_of, penalty_of, ratio_of
from fastreg.paths.factors import Factors
from fastreg.paths.fitting import path, warn
from fastreg.paths.origins import InMemory, Source
from fastreg.paths.results import Path, Relaxed, Selected
from fastreg.paths.signatures import enet_path, lasso_path
from fastreg.paths.tables import Table

__all__ = [
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
