"""Hold the errors of each strength in cross-validation, and the chosen strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Choice:
    """Hold the errors of each alpha.

    alphas : (K,) strengths
    mean : (K,) mean over folds
    spread : (K,) standard error of that mean, or None
    chosen : strength of the model
    unit : name of `mean`
    folds : number of folds
    worth : certificate of the errors, or None
    larger : whether a larger mean is better
    """

    alphas: Array
    mean: Array
    spread: Array | None
    chosen: float
    unit: str
    folds: int
    worth: Any
    larger: bool = False

    @property
    def best(self) -> float:
        """The mean at the strength that was chosen."""
        return float(self.mean[np.argmin(np.abs(self.alphas - self.chosen))])

    @property
    def at_end(self) -> bool:
        """Whether the first or the last strength was chosen, so that one beyond may be better."""
        return self.chosen in (self.alphas.min(), self.alphas.max())


def choice_of(model: Any, folds: int) -> Choice:
    """Return the choice of a fitted estimator that cross-validated one l1_ratio."""
    worth = getattr(model, "cv_certificate_", None)
    if hasattr(model, "Cs_"):
        from fastreg.selection.choice import spread_over_folds

        by_fold = -2.0 * model.scores_[:, 0, :]
        mean, spread = by_fold.mean(axis=0), spread_over_folds(by_fold.T)
        return Choice(
            1.0 / model.Cs_, mean, spread, 1.0 / float(model.C_), "mean deviance", folds, worth
        )
    if hasattr(model, "deviance_path_"):
        errors, spread, unit = model.deviance_path_, model.deviance_se_, "mean deviance"
    elif hasattr(model, "mse_path_"):
        errors, spread, unit = model.mse_path_, model.mse_se_, "mean squared error"
    else:
        alphas, scores, spread = np.asarray(model.alphas, float), model.scores_, model.scores_se_
        chosen = float(model.alpha_)
        return Choice(alphas, scores, spread, chosen, "mean R²", folds, worth, True)
    mean = errors.mean(axis=-1)
    return Choice(model.alphas_, mean, spread, float(model.alpha_), unit, folds, worth)
