"""Neural networks for regression, with reports on vanishing gradients.

The network h_θ minimises::

    J(θ) = 1/(2m) Σ_i ‖h_θ(x_i) − y_i‖² + Σ_l λ_l [ (1 − ρ)/(2m) ‖W_l‖² + (ρ/m) ‖W_l‖₁ ]
    A_0 = X,  Z_l = A_{l−1} W_l + 1 b_lᵀ,  A_l = φ(Z_l),  h_θ(X) = Z_L

Without a hidden layer this is linear regression. Biases are not penalised, and errors of several
outputs are added. A batch of b rows divides its errors by b and the penalty by m. So the mean
gradient of equal batches over an epoch is ∇J.

>>> import numpy as np
>>> from fastreg.network import MLPRegressor
>>> X = np.linspace(-1.0, 1.0, 200)[:, None]
>>> y = np.sin(3.0 * X[:, 0])
>>> model = MLPRegressor((16,), activation="tanh", solver="lbfgs", random_state=0).fit(X, y)
>>> bool(model.score(X, y) > 0.999)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastreg._lazy import attributes

if TYPE_CHECKING:
    from fastreg.network.adaptive import MLPRegressorCV
    from fastreg.network.estimator import MLPRegressor
    from fastreg.network.report import GradientReport, gradient_report

_HOME = {
    "GradientReport": "report",
    "MLPRegressor": "estimator",
    "MLPRegressorCV": "adaptive",
    "gradient_report": "report",
}

__all__ = ["GradientReport", "MLPRegressor", "MLPRegressorCV", "gradient_report"]


__getattr__ = attributes(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
