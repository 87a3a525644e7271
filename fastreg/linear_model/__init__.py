"""Estimators with scikit-learn's names, scales and attributes.

    LinearRegression   ‖y − Xw − b‖²
    Ridge        ‖y − Xw − b‖² + alpha·‖w‖²
    ElasticNet   ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²
    Lasso        ElasticNet with l1_ratio = 1
    LogisticRegression   (1/S) Σ s_i log(1 + exp(−y_i z_i)) + the same penalties, over C·S
    LinearSVC            (1/S) Σ s_i ½ max(0, 1 − y_i z_i)² + the same penalties, over 2·C·S
    PoissonRegressor     (1/S) Σ s_i (exp z_i − y_i z_i) + the same penalties, times alpha
    GammaRegressor, TweedieRegressor, NegativeBinomialRegressor   the same, of other losses

Classes whose names end in CV choose the strength. `AdaptiveRidge`, `AdaptiveElasticNet`,
`AdaptiveLogisticRegression` and `AdaptivePoissonRegressor` choose one strength for each group of
features, and `AdaptiveLasso` a factor for each coefficient. `StabilitySelection` selects features.
With sample weights the squares are weighted, and m is the sum of the weights. Except for the
command line, only this package knows scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastreg._lazy import attributes

if TYPE_CHECKING:
    from fastreg.linear_model.adaptive import AdaptiveElasticNet, AdaptiveRidge
    from fastreg.linear_model.adaptive_losses import (
        AdaptiveLogisticRegression,
        AdaptivePoissonRegressor,
    )
    from fastreg.linear_model.cross_validated import ElasticNetCV, LassoCV
    from fastreg.linear_model.elastic_net import ElasticNet, Lasso
    from fastreg.linear_model.gamma import GammaRegressor
    from fastreg.linear_model.gamma_cv import GammaRegressorCV
    from fastreg.linear_model.least_squares import LinearRegression
    from fastreg.linear_model.linear_svc import LinearSVC
    from fastreg.linear_model.logistic import LogisticRegression
    from fastreg.linear_model.logistic_cv import LogisticRegressionCV
    from fastreg.linear_model.negative_binomial import NegativeBinomialRegressor
    from fastreg.linear_model.negative_binomial_cv import NegativeBinomialRegressorCV
    from fastreg.linear_model.poisson import PoissonRegressor
    from fastreg.linear_model.poisson_cv import PoissonRegressorCV
    from fastreg.linear_model.reweighted import AdaptiveLasso
    from fastreg.linear_model.ridge import Ridge
    from fastreg.linear_model.ridge_cv import RidgeCV
    from fastreg.linear_model.stability import StabilitySelection
    from fastreg.linear_model.tweedie import TweedieRegressor
    from fastreg.linear_model.tweedie_cv import TweedieRegressorCV

# Each is loaded on first use: a first `Lasso` does not wait for what only selection needs.
_HOME = {
    "AdaptiveElasticNet": "adaptive",
    "AdaptiveLasso": "reweighted",
    "AdaptiveLogisticRegression": "adaptive_losses",
    "AdaptivePoissonRegressor": "adaptive_losses",
    "AdaptiveRidge": "adaptive",
    "ElasticNet": "elastic_net",
    "ElasticNetCV": "cross_validated",
    "GammaRegressor": "gamma",
    "GammaRegressorCV": "gamma_cv",
    "NegativeBinomialRegressor": "negative_binomial",
    "NegativeBinomialRegressorCV": "negative_binomial_cv",
    "TweedieRegressor": "tweedie",
    "TweedieRegressorCV": "tweedie_cv",
    "Lasso": "elastic_net",
    "LassoCV": "cross_validated",
    "LinearRegression": "least_squares",
    "LinearSVC": "linear_svc",
    "LogisticRegression": "logistic",
    "LogisticRegressionCV": "logistic_cv",
    "PoissonRegressor": "poisson",
    "PoissonRegressorCV": "poisson_cv",
    "Ridge": "ridge",
    "RidgeCV": "ridge_cv",
    "StabilitySelection": "stability",
}

__all__ = [
    "AdaptiveElasticNet",
    "AdaptiveLasso",
    "AdaptiveLogisticRegression",
    "AdaptivePoissonRegressor",
    "AdaptiveRidge",
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "GammaRegressorCV",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "NegativeBinomialRegressor",
    "NegativeBinomialRegressorCV",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "Ridge",
    "RidgeCV",
    "StabilitySelection",
    "TweedieRegressor",
    "TweedieRegressorCV",
]


__getattr__ = attributes(__name__, _HOME)
