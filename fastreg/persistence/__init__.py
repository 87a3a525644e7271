"""Fitted models as data: `.npz` or `.json`, never pickle, so that loading runs no code.

Both hold the same state: parameters and attributes as plain data, and arrays, which `.json` writes
as numbers that read back to the same bits and `.npz` as they are, uncompressed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastreg._files import write_whole
from fastreg.persistence.formats import from_json, from_npz, to_json, to_npz

__all__ = ["SUFFIXES", "load_model", "model_suffix", "save_model"]

SUFFIXES = (".npz", ".json")


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to `path`, whole or not at all.

    Parameters
    ----------
    model : estimator or Path
        Any estimator of fastreg, networks among them, that is fitted; or a `fastreg.Path`, without
        the rows that it was fitted to. What `partial_fit` has collected, `statistics_`, has a
        `save` of its own. An offset is of rows, not of the model: give it to `predict` again.
    path : str or path-like
        File to write or replace; its suffix, `.npz` or `.json`, decides the format.

    Raises
    ------
    ValueError
        The suffix is another; the model is of another class, not fitted or not finite; or one of
        its parameters is not plain data, such as a callable. The message names it.
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
    from fastreg.persistence.state import describe

    path = Path(path)
    write = to_json if model_suffix(path) == ".json" else to_npz
    write_whole(path, write(describe(model)))


def load_model(path: str | os.PathLike[str]) -> Any:
    """The model that `save_model` wrote to `path`: it predicts the same bits.

    Parameters
    ----------
    path : str or path-like
        Its suffix is that of a model, `.npz` or `.json`.

    Returns
    -------
    estimator or Path
        Of the class that was saved, fitted, with its `certificate_`.

    Raises
    ------
    ValueError
        The suffix is another, a newer fastreg has written the file, or it is not a sound model;
        the message has the path and what is wrong.
    OSError
        The file cannot be read.
    """
    from fastreg.persistence.state import rebuild

    path = Path(path)
    read = from_json if model_suffix(path) == ".json" else from_npz
    content = path.read_bytes()
    # A broken or hostile file makes the zip, npy and JSON readers raise nearly anything.
    try:
        return rebuild(read(content))
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is not a sound fastreg model: {reason}") from error


def model_suffix(path: Path) -> str:
    """`.npz` or `.json`, or ValueError that names any other suffix."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a model is a .npz or a .json file, not {suffix or 'unnamed'!r}")
    return suffix
