"""Jitted loops on raw arrays, each behind a thin function of the same name.

Every name here has a namesake in `fastreg.reference`, in plain NumPy.
"""

from fastreg.kernels.active_set import clear, enlarged, factor, minimise
from fastreg.kernels.compensated import compensated_gradient, two_product, two_sum
from fastreg.kernels.descent import descent_steps
from fastreg.kernels.gram import cross_gram, fill, moments, row_gram
from fastreg.kernels.left_out import left_out
from fastreg.kernels.rows import gradient, predict, project
from fastreg.kernels.slopes import slopes, weighted_slopes
from fastreg.kernels.softmax import bends, softmax
from fastreg.kernels.survey import survey
from fastreg.kernels.two_products import project_then_predict
from fastreg.kernels.update import critical_strength, distances, update

__all__ = [
    "bends",
    "clear",
    "compensated_gradient",
    "critical_strength",
    "cross_gram",
    "descent_steps",
    "distances",
    "enlarged",
    "factor",
    "fill",
    "gradient",
    "left_out",
    "minimise",
    "moments",
    "predict",
    "project",
    "project_then_predict",
    "row_gram",
    "slopes",
    "softmax",
    "survey",
    "two_product",
    "two_sum",
    "update",
    "weighted_slopes",
]
