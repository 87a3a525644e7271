"""Run the demo on real data: compare with scikit-learn, and certify a descent."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastreg
from fastreg.cli.console import heading, line, pairs, table
from fastreg.cli.demo_judge import excess, excess_text, judge, optimum, small
from fastreg.cli.demo_results import Curve, Results
from fastreg.design import as_design

Array = np.ndarray
# Numbers of steps at which the small descent is certified.
_LOOKS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


def diabetes(results: Results) -> None:
    """Fit the diabetes data, print the results, and add them to `results`."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes()
    X, y = data.data, data.target
    results.names = [str(name) for name in data.feature_names]
    heading(f"Real data: diabetes progression, {X.shape[0]} patients × {X.shape[1]} features")
    _agreement(X, y, results)
    _descend(X * np.sqrt(len(X)), y, results)


def _agreement(X: Array, y: Array, results: Results) -> None:
    from sklearn import linear_model

    settings: dict[str, dict[str, Any]] = {
        "Ridge": {"alpha": 0.1},
        "Lasso": {"alpha": 0.1, "max_iter": 100_000},
        "ElasticNet": {"alpha": 0.001, "l1_ratio": 0.5, "max_iter": 100_000},
    }
    design, rows, certificates = as_design(X), [], []
    for name, options in settings.items():
        ours = getattr(fastreg, name)(tol=1e-10, **options).fit(X, y)
        theirs = getattr(linear_model, name)(tol=5e-11, **options).fit(X, y)
        _, gap, apart, relative = judge(design, y, theirs, ours)
        used = f"{np.count_nonzero(ours.coef_)}/{len(ours.coef_)}"
        our_gap = small(ours.certificate_.relative_gap[0])
        rows.append((f"{name}, {options['alpha']:g}", used, our_gap, gap, apart, relative))
        certificates.append((name, ours.certificate_))
        results.coefficients.append((name, ours.coef_, theirs.coef_))
    headers = ["model, alpha", "non-zero", "gap, fastreg", "gap, sklearn", "max │Δcoef│"]
    table([*headers, "Δobj."], rows)
    pairs(certificates)


def _descend(X: Array, y: Array, results: Results) -> None:
    """Run θ ← θ − η∇J(θ) on columns of unit variance, and certify where it ends."""
    run: Any = None
    bounds = []
    for steps in _LOOKS:
        run = fastreg.descend(X, y, lam=1.0, n_iter=steps, fit_intercept=True)
        bounds.append(run.certificate.gap[0])
    heading(f"The loop θ ← θ − η∇J(θ) on it, λ = 1, η = 1/L = {run.eta:.3g}")
    rows = [
        (k, f"{run.objectives[k]:.12g}", excess_text(run, k), f"{bound:.1e}")
        for k, bound in zip(_LOOKS, bounds, strict=True)
    ]
    table(["step k", "J(θ_k)", "J(θ_k) − J*", "certified bound on it"], rows)
    line(f"Final J = {run.objectives[-1]:.12g}. {optimum(run)}")
    null = run.certificate.null[0]
    label = f"diabetes, {X.shape[0]} × {X.shape[1]}"
    results.curves.append(
        Curve(label, excess(run) / null, np.array(_LOOKS), np.array(bounds) / null)
    )
