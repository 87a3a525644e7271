"""Estimators with scikit-learn's names, scales and attributes.

    Ridge        ‖y − Xw − b‖² + alpha·‖w‖²
    ElasticNet   ‖y − Xw − b‖²/(2m) + alpha·l1_ratio·‖w‖₁ + ½·alpha·(1 − l1_ratio)·‖w‖²
    Lasso        ElasticNet with l1_ratio = 1

and with CV behind each name the same with alpha chosen; `AdaptiveRidge` has one alpha a group of
features. With sample weights the squares are weighted, and m is their sum. Below the command
line, the only package that knows scikit-learn.
"""

from fastreg.linear_model.adaptive import AdaptiveRidge
from fastreg.linear_model.cross_validated import ElasticNetCV, LassoCV
from fastreg.linear_model.elastic_net import ElasticNet, Lasso
from fastreg.linear_model.ridge import Ridge
from fastreg.linear_model.ridge_cv import RidgeCV

__all__ = ["AdaptiveRidge", "ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "Ridge", "RidgeCV"]
