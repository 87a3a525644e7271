"""Draw paths and cross-validation errors. Only drawing imports matplotlib."""

from fastreg.plots.calibration import draw_calibration, groups_of
from fastreg.plots.canvas import axes
from fastreg.plots.coefficients import draw_path
from fastreg.plots.errors import Curve, draw_errors

__all__ = ["Curve", "axes", "draw_calibration", "draw_errors", "draw_path", "groups_of"]
