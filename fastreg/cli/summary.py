"""Print the data, the model, the certificate and the largest coefficients of a fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.cli.console import heading, pairs, seconds, table

Array = np.ndarray


def fit_summary(
    model: Any, data: Any, *, path: str, times: tuple[float, float], written: Any, top: int,
    choice: Any = None,
) -> None:  # fmt: skip
    """Print a summary of a fitted model with one target."""
    coef = np.ravel(model.coef_)
    m, n = data.n_rows, len(coef)
    share = data.explained(model)
    words = data.words(model) if hasattr(data, "words") else []
    constant = "not defined, the target is constant"
    pairs(
        [
            ("data", f"{m} rows × {n} features, {data.source.kind}, {path}"),
            ("model", describe(model)),
            *([] if choice is None else [("chosen", _chosen(choice))]),
            ("certificate", model.certificate_),
            *words,
            (data.measure, f"{round(share, 6) + 0.0:.6f}" if np.isfinite(share) else constant),
            ("intercept", f"{float(np.ravel(model.intercept_)[0]):.6g}"),
            ("non-zero", f"{np.count_nonzero(coef)} of {n} coefficients"),
            ("time", time_words(*times)),
            *written,
        ]
    )
    if top:
        _coefficients(coef, data, top)


def _chosen(choice: Any) -> str:
    """Describe the choice of the strength."""
    end = "; it is the last that was tried, and one beyond may be better" if choice.at_end else ""
    tried = f"of {len(choice.alphas)} from {choice.alphas.max():.3g} to {choice.alphas.min():.3g}"
    return f"alpha {choice.chosen:.6g}, {tried}: {choice.unit} {choice.best:.6g} held out{end}"


def time_words(read: float, fitted: float) -> str:
    """Describe the time of reading and fitting."""
    each = f"{seconds(read)} to read, {seconds(fitted)} to fit"
    return f"{seconds(read + fitted)}: {each}, machine code loaded or compiled included"


def describe(model: Any) -> str:
    """Describe the class and its main parameters in words."""
    parts = [f"{name}={value:g}" for name, value in _strengths(model)]
    parts.append(f"tol={model.tol:g}")
    if model.max_iter is not None:
        parts.append(f"max_iter={model.max_iter}")
    parts.append("with intercept" if model.fit_intercept else "no intercept")
    if model.positive:
        parts.append("coefficients ≥ 0")
    return f"{type(model).__name__}, {', '.join(parts)}"


def _strengths(model: Any) -> list[tuple[str, float]]:
    """Return the strengths of the fit and the number of its family, chosen ones where they are."""
    out = []
    for name in ("alpha", "C", "l1_ratio", "power", "theta"):
        value = getattr(model, f"{name}_", getattr(model, name, None))
        if value is not None:
            out.append((name, float(value)))
    return out


def ranked(coef: Array, data: Any) -> tuple[Array, Array]:
    """Rank the non-zero coefficients by |coefficient| times the standard deviation of the feature.

    Returns
    -------
    order : places of the non-zero coefficients, the largest effect first
    effect : (n,) |coefficient| times standard deviation
    """
    effect = np.abs(coef) * data.deviations()
    order = np.lexsort((np.arange(len(coef)), -effect))
    return order[coef[order] != 0], effect


def names_of(coef: Array, data: Any) -> list[str]:
    """Return the names of the features, or their numbers if they have none."""
    return data.source.feature_names or [f"column {j}" for j in range(len(coef))]


def _coefficients(coef: Array, data: Any, top: int) -> None:
    order, effect = ranked(coef, data)
    order, names = order[:top], names_of(coef, data)
    heading(f"The largest by |coefficient| × standard deviation, {len(order)} of {len(coef)}")
    rows = [(names[j], f"{coef[j]:+.6g}", f"{effect[j]:.6g}") for j in order]
    table(["feature", "coefficient", "× standard deviation"], rows)
