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
    """Write a fitted model to a file.

    An interrupt or error never leaves half a file. `statistics_` of `Ridge` is not written; it has
    a `save` of its own. An offset belongs to rows: pass it to `predict` again.

    Parameters
    ----------
    model : estimator
        Fitted `Ridge`, `Lasso`, `ElasticNet`, `LogisticRegression`, `LogisticRegressionCV`,
        `AdaptiveLogisticRegression`, `PoissonRegressor`, `PoissonRegressorCV` or
        `AdaptivePoissonRegressor`. Classes may be numbers, texts or bools.
    path : str or path-like
        File to write or replace. The suffix, .npz or .json, sets the format.

    Raises
    ------
    ValueError
        The suffix or the class is another, or the model is not fitted or not finite. Or a parameter
        is not plain data, or the model was chosen with ``refit=False``.
    OSError
        The file cannot be written.

    See Also
    --------
    load_model : Read the model again.

    Examples
    --------
    >>> import os, tempfile, fastreg
    >>> model = fastreg.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = os.path.join(folder, "model.json")
    ...     fastreg.save_model(model, file)
    ...     copy = fastreg.load_model(file)
    >>> bool(copy.coef_ == model.coef_)
    True
    """
    path = Path(path)
    suffix = model_suffix(path)
    header, arrays = describe(model)
    write_whole(path, to_json(header, arrays) if suffix == ".json" else to_npz(header, arrays))


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote.

    It predicts the same bits. Reading runs no code from the file.

    Parameters
    ----------
    path : str or path-like
        File to read, with the suffix .npz or .json.

    Returns
    -------
    estimator
        The fitted model, of the class that was saved.

    Raises
    ------
    ValueError
        The suffix is another, or the file is not a sound model. The message states the file and the
        fault.
    OSError
        The file cannot be read.

    See Also
    --------
    save_model : Write a model.

    Examples
    --------
    >>> import os, tempfile, fastreg
    >>> model = fastreg.Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = os.path.join(folder, "model.json")
    ...     fastreg.save_model(model, file)
    ...     copy = fastreg.load_model(file)
    >>> bool(copy.coef_ == model.coef_)
    True
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
