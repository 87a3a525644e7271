"""Save and load fitted models as `.npz` or `.json`. Loading never unpickles and runs no code.

Both formats hold the same state: parameters and attributes as plain data, and arrays. `.json`
writes arrays as numbers that read back to the same bits. `.npz` stores them uncompressed.
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
    """Write a fitted model to a file.

    An interrupt or error never leaves half a file. The file has no rows of the data and no offset:
    pass the offset to `predict` again. `statistics_` of `Ridge` has a `save` of its own.

    Parameters
    ----------
    model : estimator or Path
        Fitted estimator of fastreg or of `fastreg.network`, or a path. A path loses its rows: the
        loaded one cannot be relaxed or cross-validated.
    path : str or path-like
        File to write or replace. The suffix, .npz or .json, sets the format.

    Raises
    ------
    ValueError
        The file has another suffix. Or the model is of another class, not fitted or not finite. Or
        a parameter is not plain data, such as a callable. The message names it.
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
    from fastreg.persistence.state import describe

    path = Path(path)
    write = to_json if model_suffix(path) == ".json" else to_npz
    write_whole(path, write(describe(model)))


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote.

    The loaded model predicts the same bits. Reading runs no code from the file.

    Parameters
    ----------
    path : str or path-like
        File to read, with the suffix .npz or .json.

    Returns
    -------
    estimator or Path
        The fitted model, of the class that was saved, with its `certificate_`.

    Raises
    ------
    ValueError
        The file has another suffix, a newer fastreg wrote it, or it holds no sound model. The
        message states the file and the fault.
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
    """Return the suffix, `.npz` or `.json`. Raise ValueError for another."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"path must end in .npz or .json, got {str(path)!r}")
    return suffix
