"""Fitted models as data: `.npz` or `.json`, never pickle, so that loading runs no code.

Both hold the same state: one JSON text, and named float64 arrays, which `.json` writes as
numbers that read back to the same bits and `.npz` as they are, uncompressed.
"""

from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from fastreg._files import write_whole

ESTIMATORS = ("Ridge", "Lasso", "ElasticNet")
SUFFIXES = (".npz", ".json")

_FORMAT, _VERSION = "fastreg model", 1
_PER_TARGET = ("gap", "relative_gap", "kkt", "objective", "null")
_ARRAYS = ("coef", "intercept", "dual_gap", *_PER_TARGET)
_CERTIFICATE = {"tol": float, "converged": bool, "by_kkt": bool, "method": str, "passes": int}

State = dict[str, Any]


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to `path`, whole or not at all.

    Parameters
    ----------
    model : a fitted `fastreg.Ridge`, `Lasso` or `ElasticNet`
        What `partial_fit` has collected, `statistics_`, has a `save` of its own.
    path : file to write or replace; its suffix, `.npz` or `.json`, decides the format

    Raises
    ------
    ValueError
        The suffix is another, the model is of another class, not fitted or not finite, or
        one of its parameters is not plain data.
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
    header, arrays = _describe(model)
    write_whole(path, _to_json(header, arrays) if suffix == ".json" else _to_npz(header, arrays))


def load_model(path: str | os.PathLike[str]) -> Any:
    """The model that `save_model` wrote to `path`: it predicts the same bits.

    Returns
    -------
    `fastreg.Ridge`, `Lasso` or `ElasticNet`, fitted, with its `certificate_`

    Raises
    ------
    ValueError
        The suffix is another, or the file is not a sound model; the message has the path
        and what is wrong.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    read = _from_json if model_suffix(path) == ".json" else _from_npz
    content = path.read_bytes()
    # A broken or hostile file makes the zip, npy and JSON readers raise nearly anything.
    try:
        return _rebuild(*read(content))
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is not a sound fastreg model: {reason}") from error


def model_suffix(path: Path) -> str:
    """`.npz` or `.json`, or ValueError that names any other suffix."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a model is a .npz or a .json file, not {suffix or 'unnamed'!r}")
    return suffix


# ---------------------------------------------------------------- model to state


def _describe(model: Any) -> tuple[State, dict[str, np.ndarray]]:
    """(header, arrays): all that a model is, as plain data."""
    name = type(model).__name__
    if name not in ESTIMATORS or type(model) is not _estimator(name):
        raise ValueError(
            f"only fastreg's {', '.join(ESTIMATORS)} can be saved, "
            f"not {type(model).__module__}.{name}"
        )
    if not hasattr(model, "certificate_"):
        raise ValueError(f"this {name} is not fitted; there is nothing to save")
    certificate = model.certificate_
    names = getattr(model, "feature_names_in_", None)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "estimator": name,
        "params": {key: _plain(key, value) for key, value in model.get_params().items()},
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": None if names is None else [str(item) for item in names],
        "n_iter": int(np.max(model.n_iter_)),
        **_encoding_of(model),
        "certificate": {key: kind(getattr(certificate, key)) for key, kind in _CERTIFICATE.items()},
    }
    values = {"coef": model.coef_, "intercept": model.intercept_, "dual_gap": model.dual_gap_}
    values |= {key: getattr(certificate, key) for key in _PER_TARGET}
    arrays = {key: np.array(values[key], dtype=np.float64) for key in _ARRAYS}
    _check_arrays(arrays, int(model.n_features_in_))
    return header, arrays


def _encoding_of(model: Any) -> State:
    """How the columns of its table became features."""
    encoding = getattr(model, "encoding_", None)
    return {} if encoding is None else {"encoding": encoding.to_plain()}


def _estimator(name: str) -> Any:
    from fastreg import linear_model

    return getattr(linear_model, name)


def _plain(name: str, value: Any) -> Any:
    """A parameter as JSON has it: None, bool, int, float, str or a list of these."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"parameter {name} is not plain, finite data: {value!r}")


# ---------------------------------------------------------------- state to model


def _rebuild(header: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The model of a state that nobody has checked yet."""
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError("it was not written by fastreg.save_model")
    if header.get("version") != _VERSION:
        raise ValueError(
            f"it has format version {header.get('version')!r}, this fastreg reads {_VERSION}"
        )
    name = header.get("estimator")
    if name not in ESTIMATORS:
        raise ValueError(f"its estimator is {name!r}, not one of {', '.join(ESTIMATORS)}")
    n_features = _entry(header, "n_features_in", int)
    _check_arrays(arrays, n_features)
    model = _parametrised(_estimator(name), _entry(header, "params", dict))
    names = _names(header.get("feature_names_in"), n_features)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    model.n_features_in_ = n_features
    if "encoding" in header:
        model.encoding_ = _encoding(header["encoding"], names)
    model.coef_ = arrays["coef"]
    model.n_iter_ = model._steps(_entry(header, "n_iter", int), len(np.atleast_2d(model.coef_)))
    model.intercept_ = arrays["intercept"][()] if model.fit_intercept else 0.0
    model.dual_gap_ = arrays["dual_gap"][()]
    model.certificate_ = _certificate(_entry(header, "certificate", dict), arrays)
    if name == "Ridge":
        model.solver_ = model._solver_name()
    return model


def _entry(header: State, key: str, kind: Any) -> Any:
    """header[key], which must be there and of this very type: True is no int here."""
    if key not in header:
        raise ValueError(f"{key} is missing")
    value = header[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{key} should be {kind.__name__}, not {type(value).__name__}")
    if kind is int and value < 0:
        raise ValueError(f"{key} is negative: {value}")
    return value


def _parametrised(estimator: Any, params: State) -> Any:
    expected = set(estimator().get_params())
    if set(params) != expected:
        odd = ", ".join(sorted(map(str, set(params) ^ expected)))
        raise ValueError(f"its parameters are not those of {estimator.__name__}: {odd}")
    model = estimator(**{key: _plain(key, value) for key, value in params.items()})
    model._validate_params()
    return model


def _names(names: Any, n_features: int) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("feature_names_in is not a list of names")
    if len(names) != n_features or len(set(names)) != n_features:
        raise ValueError(
            f"feature_names_in has {len(names)} names, {len(set(names))} of them different, "
            f"for {n_features} features"
        )
    return names


def _encoding(plain: Any, names: list[str] | None) -> Any:
    from fastreg.sources.encoding import Encoding

    encoding = Encoding.from_plain(plain)
    if encoding.features != names:
        raise ValueError("its encoding gives other features than feature_names_in")
    return encoding


def _certificate(entries: State, arrays: dict[str, np.ndarray]) -> Any:
    from fastreg.certificate import Certificate

    values: State = {key: _entry(entries, key, kind) for key, kind in _CERTIFICATE.items()}
    values |= {key: arrays[key] for key in _PER_TARGET}
    return Certificate(**values)


def _check_arrays(arrays: dict[str, np.ndarray], n_features: int) -> None:
    """Shapes that fit each other, finite coefficients; ValueError names the array."""
    missing = [key for key in _ARRAYS if key not in arrays]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
    coef = arrays["coef"]
    if coef.ndim not in (1, 2) or coef.size == 0 or coef.shape[-1] != n_features:
        raise ValueError(f"coef has shape {coef.shape} for {n_features} features")
    k = 1 if coef.ndim == 1 else coef.shape[0]
    shapes = {"intercept": {(), (k,)}, "dual_gap": {(), (k,)}}
    shapes |= {key: {(k,)} for key in _PER_TARGET}
    for key, allowed in shapes.items():
        if arrays[key].shape not in allowed:
            raise ValueError(f"{key} has shape {arrays[key].shape} for coef of {coef.shape}")
    for key in ("coef", "intercept"):
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f"{key} holds NaN or infinity")


# ---------------------------------------------------------------- the two formats


def _to_json(header: State, arrays: dict[str, np.ndarray]) -> bytes:
    numbers = {key: _numbers(array.tolist()) for key, array in arrays.items()}
    return json.dumps({**header, "arrays": numbers}, allow_nan=False, indent=1).encode() + b"\n"


def _numbers(value: Any) -> Any:
    """Nested lists of floats with "inf" and "nan", for which JSON has no numbers, as text."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return value if math.isfinite(value) else repr(value)


def _from_json(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    header = json.loads(content.decode())
    entries = header.get("arrays") if isinstance(header, dict) else None
    if not isinstance(entries, dict):
        return header, {}
    return header, {key: _float_array(key, entries[key]) for key in _ARRAYS if key in entries}


def _float_array(key: str, value: Any) -> np.ndarray:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{key} is not an array of numbers") from None


def _to_npz(header: State, arrays: dict[str, np.ndarray]) -> bytes:
    text = np.frombuffer(json.dumps(header, allow_nan=False).encode(), dtype=np.uint8)
    entries: State = {"model": text, **arrays}
    stream = io.BytesIO()
    np.savez(stream, **entries)
    return stream.getvalue()


def _from_npz(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    stream = io.BytesIO(content)
    archive = np.load(stream, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array, not a .npz archive")
    with archive:
        # Uncompressed, no entry can be larger than the file that was just read.
        if any(item.compress_type != ZIP_STORED for item in ZipFile(stream).infolist()):
            raise ValueError("its entries are compressed")
        if "model" not in archive:
            raise ValueError("it was not written by fastreg.save_model")
        arrays = {key: archive[key] for key in _ARRAYS if key in archive}
        text = archive["model"]
    for key, array in arrays.items():
        if array.dtype.kind != "f" or array.dtype.itemsize != 8:
            raise ValueError(f"{key} has dtype {array.dtype}, not float64")
    arrays = {key: np.array(array, np.float64, order="C") for key, array in arrays.items()}
    return json.loads(text.astype(np.uint8).tobytes().decode()), arrays
