"""A point of a path, and why it was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg import plots
from fastreg.paths import shown
from fastreg.selection.choice import ChoiceCertificate, place_of_least

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Selected:
    """Hold a point that `Path.select` chose, and the reason.

    Attributes
    ----------
    criterion : str
        Criterion that chose the point.
    index : int
        Position of the point in the path.
    alpha : float
        Its strength.
    coef : ndarray of shape (n_features,)
        Its coefficients.
    intercept : float
        Its intercept.
    alphas : ndarray of shape (n_alphas,)
        Strengths of the path.
    values : ndarray of shape (n_alphas,)
        Values of the criterion.
    standard_error : ndarray of shape (n_alphas,) or None
        Standard errors of the values, for cross-validation.
    certificate : ChoiceCertificate or None
        How wrong the error of each fold may be, for cross-validation.
    unit : str
        Name of the values.
    non_zero : ndarray of shape (n_alphas,)
        Number of coefficients that are not zero.
    """

    criterion: str
    index: int
    alpha: float
    coef: Array = field(repr=False)
    intercept: float
    alphas: Array = field(repr=False)
    values: Array = field(repr=False)
    standard_error: Array | None = field(repr=False)
    non_zero: Array = field(repr=False)
    certificate: ChoiceCertificate | None = field(repr=False, default=None)
    unit: str = "mean squared error"

    def _repr_html_(self) -> str:
        return shown.html_of_selected(self)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the criterion against alpha.

        Lines mark the choice.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on. None makes new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        by_folds = self.standard_error is not None
        label = self.unit if by_folds else self.criterion
        marks = {self.criterion: self.alpha}
        if by_folds:
            marks = {"min": float(self.alphas[place_of_least(self.values)])} | marks
        name = "mean of the folds" if by_folds else self.criterion
        curve = plots.Curve(self.alphas, self.values, self.standard_error, label, name)
        return plots.draw_errors(curve, marks, counts=self.non_zero, ax=ax)
