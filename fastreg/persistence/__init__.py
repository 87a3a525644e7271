"""Fitted models as data: `.npz` or `.json`, never pickle, so that loading runs no code.

Both hold the same state: one JSON text, and named float64 arrays, which `.json` writes as
numbers that read back to the same bits and `.npz` as they are, uncompressed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastreg._files import write_whole
from fastreg.persistence.formats import from_json, from_npz, to_json, to_npz
from fastreg.persistence.state import ESTIMATORS, describe, rebuild

__all__ = ["ESTIMATORS", "SUFFIXES", "load_model", "model_suffix", "save_model"]

SUFFIXES = (".npz", ".json")


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to `path`, whole or not at all.

    Parameters
    ----------
    model : a fitted `fastreg.Ridge`, `Lasso`, `ElasticNet`, `LogisticRegression`,
        `LogisticRegressionCV`, `AdaptiveLogisticRegression`, `PoissonRegressor`,
        `PoissonRegressorCV` or `AdaptivePoissonRegressor`
        Classes may be numbers, texts or bools. What `partial_fit` has collected, `statistics_`, has
        a `save` of its own. An offset is of rows, not of the model: give it to `predict` again.
    path : file to write or replace; its suffix, `.npz` or `.json`, decides the format

    Raises
    ------
    ValueError
        The suffix is another, the model is of another class, not fitted or not finite, one of its
        parameters is not plain data, or it was chosen with refit=False.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> model = fastreg.Ridge().fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))
    >>> fastreg.save_model(model, "model.json")                      # doctest: +SKIP
    >>> bool(fastreg.load_model("model.json").coef_ == model.coef_)  # doctest: +SKIP
    True
    """
    path = Path(path)
    suffix = model_suffix(path)
    header, arrays = describe(model)
    write_whole(path, to_json(header, arrays) if suffix == ".json" else to_npz(header, arrays))


def load_model(path: str | os.PathLike[str]) -> Any:
    """The model that `save_model` wrote to `path`: it predicts the same bits.

    Returns
    -------
    An estimator of the class that was saved, fitted, with its `certificate_`

    Raises
    ------
    ValueError
        The suffix is another, or the file is not a sound model; the message has the path
        and what is wrong.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    read = from_json if model_suffix(path) == ".json" else from_npz
    content = path.read_bytes()
    # A broken or hostile file makes the zip, npy and JSON readers raise nearly anything.
    try:
        return rebuild(*read(content))
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is not a sound fastreg model: {reason}") from error


def model_suffix(path: Path) -> str:
    """`.npz` or `.json`, or ValueError that names any other suffix."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a model is a .npz or a .json file, not {suffix or 'unnamed'!r}")
    return suffix
