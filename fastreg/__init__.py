"""fastreg: regularised regression at memory speed, with a certificate on every answer.

Each name is loaded when it is first used. `import fastreg` alone loads neither Numba nor
scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastreg._lazy import attributes

if TYPE_CHECKING:
    from fastreg import losses as losses
    from fastreg import network as network
    from fastreg._jit import get_num_threads, set_num_threads
    from fastreg._warnings import ConvergenceWarning
    from fastreg.certificate import Certificate
    from fastreg.functional import descend, gradient, objective
    from fastreg.inference import Inference, LikelihoodInference
    from fastreg.linear_model import (
        AdaptiveElasticNet,
        AdaptiveLasso,
        AdaptiveLogisticRegression,
        AdaptivePoissonRegressor,
        AdaptiveRidge,
        ElasticNet,
        ElasticNetCV,
        GammaRegressor,
        GammaRegressorCV,
        Lasso,
        LassoCV,
        LinearRegression,
        LinearSVC,
        LogisticRegression,
        LogisticRegressionCV,
        NegativeBinomialRegressor,
        NegativeBinomialRegressorCV,
        PoissonRegressor,
        PoissonRegressorCV,
        Ridge,
        RidgeCV,
        StabilitySelection,
        TweedieRegressor,
        TweedieRegressorCV,
    )
    from fastreg.paths import Path, enet_path, lasso_path, path
    from fastreg.persistence import load_model, save_model
    from fastreg.selection.choice import ChoiceCertificate
    from fastreg.solvers.descent import Descent, DivergenceError
    from fastreg.sources import Source, read
    from fastreg.statistics import SufficientStatistics
    from fastreg.warming import warmup

__version__ = "0.1.0"

_HOME = {
    "AdaptiveElasticNet": "linear_model",
    "AdaptiveLasso": "linear_model",
    "AdaptiveLogisticRegression": "linear_model",
    "AdaptivePoissonRegressor": "linear_model",
    "AdaptiveRidge": "linear_model",
    "Certificate": "certificate",
    "ChoiceCertificate": "selection.choice",
    "ConvergenceWarning": "_warnings",
    "Descent": "solvers.descent",
    "DivergenceError": "solvers.descent",
    "ElasticNet": "linear_model",
    "ElasticNetCV": "linear_model",
    "Inference": "inference",
    "GammaRegressor": "linear_model",
    "GammaRegressorCV": "linear_model",
    "NegativeBinomialRegressor": "linear_model",
    "NegativeBinomialRegressorCV": "linear_model",
    "TweedieRegressor": "linear_model",
    "TweedieRegressorCV": "linear_model",
    "Lasso": "linear_model",
    "LassoCV": "linear_model",
    "LikelihoodInference": "inference",
    "LinearRegression": "linear_model",
    "LinearSVC": "linear_model",
    "LogisticRegression": "linear_model",
    "LogisticRegressionCV": "linear_model",
    "Path": "paths",
    "PoissonRegressor": "linear_model",
    "PoissonRegressorCV": "linear_model",
    "Ridge": "linear_model",
    "RidgeCV": "linear_model",
    "Source": "sources",
    "StabilitySelection": "linear_model",
    "SufficientStatistics": "statistics",
    "descend": "functional",
    "enet_path": "paths",
    "get_num_threads": "_jit",
    "gradient": "functional",
    "lasso_path": "paths",
    "load_model": "persistence",
    "losses": "losses",
    "network": "network",
    "objective": "functional",
    "path": "paths",
    "read": "sources.opening",
    "save_model": "persistence",
    "set_num_threads": "_jit",
    "warmup": "warming",
}

__all__ = [
    "AdaptiveElasticNet",
    "AdaptiveLasso",
    "AdaptiveLogisticRegression",
    "AdaptivePoissonRegressor",
    "AdaptiveRidge",
    "Certificate",
    "ChoiceCertificate",
    "ConvergenceWarning",
    "Descent",
    "DivergenceError",
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "GammaRegressorCV",
    "Inference",
    "Lasso",
    "LassoCV",
    "LikelihoodInference",
    "LinearRegression",
    "LinearSVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "NegativeBinomialRegressor",
    "NegativeBinomialRegressorCV",
    "Path",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "Ridge",
    "RidgeCV",
    "Source",
    "StabilitySelection",
    "SufficientStatistics",
    "TweedieRegressor",
    "TweedieRegressorCV",
    "descend",
    "enet_path",
    "get_num_threads",
    "gradient",
    "lasso_path",
    "load_model",
    "objective",
    "path",
    "read",
    "save_model",
    "set_num_threads",
    "warmup",
]


__getattr__ = attributes(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])
