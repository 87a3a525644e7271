"""Data files as X, y, weights and names, or one line that says what is wrong.

| suffix | read by | target |
|---|---|---|
| .csv, .parquet, .pq | pyarrow | a column |
| .npz | NumPy, SciPy | a key, "y" if not named |
| .svm, .svmlight, .libsvm, .txt | scikit-learn | the label |

A feature of an svmlight file is named by its number in that file, which keeps apart files
that count from 0 and from 1. Every fault is a ValueError whose message names the file.
"""

from __future__ import annotations

import difflib
import re
import shlex
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

TABLES = (".csv", ".parquet", ".pq")
SVMLIGHT = (".svm", ".svmlight", ".libsvm", ".txt")
SUFFIXES = (*TABLES, ".npz", *SVMLIGHT)

_MOST_FEATURES = 10**8  # an svmlight file of a few bytes may name feature 10¹⁸
_SHOWN = 8  # names that a message lists


@dataclass(frozen=True)
class Data:
    """What a file holds.

    Attributes
    ----------
    X : (m, n) array or scipy sparse matrix
    y, weights : (m,) or None
    names : n feature names or None
    source : the kind of file, for people
    """

    X: Any
    y: np.ndarray | None
    weights: np.ndarray | None
    names: list[str] | None
    source: str


def read(
    path: Path, target: str | None, weights: str | None = None, drop: Collection[str] = ()
) -> Data:
    """The features, target and weights of a file to fit.

    Parameters
    ----------
    path : file
    target : column or key of y; None is "y" in a .npz, and is refused for a table
    weights : column or key of the sample weights, or None
    drop : features to leave out
    """
    suffix = file_suffix(path)
    if suffix in TABLES and target is None:
        raise ValueError(f"{path}: name the column to predict with --target")
    named = [name for name in (target, weights, *drop) if name is not None]
    if len(set(named)) < len(named):
        raise ValueError("--target, --weights and --drop must name different columns")
    if suffix in TABLES:
        return _read_table(path, str(target), weights, drop)
    if suffix == ".npz":
        return _without(_read_npz(path, target or "y", weights), drop, path)
    if weights or drop:
        raise ValueError(f"{path}: --weights and --drop need a file with named columns")
    return _read_svmlight(path)


def read_features(path: Path, names: list[str] | None, n_features: int) -> Any:
    """X of a file to predict, its columns in the order of a model's features.

    Parameters
    ----------
    path : file; columns and keys that the model does not know are ignored
    names : the model's feature names, or None to go by position
    n_features : number of features of the model

    Returns
    -------
    (m, n_features) array or scipy sparse matrix
    """
    suffix = file_suffix(path)
    if suffix in SVMLIGHT:
        return _svmlight_features(path, names, n_features)
    if suffix == ".npz":
        data = _read_npz(path, None, None)
    elif names is None:
        raise ValueError(f"{path}: the model has no feature names to match the columns with")
    else:
        table = _open_table(path)
        _check_names(table.column_names, names, path, "column")
        return _matrix(table.select(names), path)
    if names is not None and data.names is not None:
        _check_names(data.names, names, path, "feature")
        position = {name: j for j, name in enumerate(data.names)}
        return _columns(data.X, [position[name] for name in names])
    if data.X.shape[1] != n_features:
        raise ValueError(
            f"{path}: X has {data.X.shape[1]} columns, the model {n_features} features"
        )
    return data.X


def file_suffix(path: Path) -> str:
    """The suffix of a file that exists and can be read by its kind; else ValueError."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a data file ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise ValueError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
    return suffix


def near(name: str, names: Iterable[str]) -> str:
    """What to suggest for a name that is not there."""
    names = list(names)
    folded = {other.casefold(): other for other in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if close:
        return f"did you mean {_quoted(folded[key] for key in close)}?"
    return f"there is {_quoted(names)}" if names else "there is none"


def _quoted(names: Iterable[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + rest


def _check_names(there: Collection[str], wanted: Iterable[str], path: Path, noun: str) -> None:
    known = set(there)
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    if len(missing) == 1:
        raise ValueError(f"{path} has no {noun} {missing[0]!r}; {near(missing[0], there)}")
    raise ValueError(f"{path} has no {noun}s {_quoted(missing)}; there is {_quoted(there)}")


def _guarded(path: Path, load: Callable[[], Any], noun: str) -> Any:
    """load(), any fault of the content as one ValueError that names the file."""
    # The readers raise nearly anything for a broken file: BadZipFile, EOFError, KeyError …
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load()
    except (PermissionError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{path} cannot be read as {noun}: {error}") from error


# ---------------------------------------------------------------- tables


def _read_table(path: Path, target: str, weights: str | None, drop: Collection[str]) -> Data:
    table = _open_table(path)
    names = table.column_names
    aside = [target] if weights is None else [target, weights]
    if target not in names and len(names) == 1 and re.search("[;\t|]", names[0]):
        raise ValueError(f"{path} has one column, {names[0]!r}: separate the values by commas")
    _check_names(names, [*aside, *drop], path, "column")
    features = [name for name in names if name not in {*aside, *drop}]
    if not features:
        raise ValueError(f"{path} has no feature column beside {_quoted([*aside, *drop])}")
    X = _matrix(table.select(features), path)
    columns = [_needed_column(table, name, path) for name in aside]
    kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
    return Data(X, columns[0], columns[1] if weights else None, features, kind)


def _open_table(path: Path) -> Any:
    """A pyarrow table with rows and with columns of different names."""
    try:
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"{path}: reading this file needs pyarrow: pip install 'fastreg[cli]'"
        ) from None
    if path.suffix.lower() == ".csv":
        table = _guarded(path, lambda: pyarrow.csv.read_csv(path), "CSV")
    else:
        table = _guarded(path, lambda: _parquet(pyarrow.parquet, path), "Parquet")
    names = _guarded(path, lambda: table.column_names, "a table")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{path} has columns of the same name: {_quoted(repeated)}")
    if table.num_rows == 0:
        raise ValueError(f"{path} has no rows")
    return table


def _parquet(parquet: Any, path: Path) -> Any:
    """One file, without the columns that pandas stores its index in."""
    with parquet.ParquetFile(path) as file:
        table = file.read()
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    return table.drop_columns([name for name in index if isinstance(name, str)])


def _matrix(table: Any, path: Path) -> np.ndarray:
    """(m, n) values, columns contiguous; float32 where every column is."""
    faults = {name: _fault(table[name]) for name in table.column_names}
    faults = {name: fault for name, fault in faults.items() if fault}
    if faults:
        listed = [f"{name!r} {fault}" for name, fault in list(faults.items())[:_SHOWN]]
        rest = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        noun, it = ("column", "it") if len(faults) == 1 else ("columns", "them")
        raise ValueError(
            f"{path}: {noun} {', '.join(listed)}{rest}; leave {it} out "
            f"(--drop {shlex.join(faults)}), or encode or fill {it} first"
        )
    narrow = all(str(column.type) == "float" for column in table.columns)
    values = np.empty(table.shape, np.float32 if narrow else np.float64, order="F")
    for j, column in enumerate(table.columns):
        values[:, j] = _values(column)
    return values


def _needed_column(table: Any, name: str, path: Path) -> np.ndarray:
    fault = _fault(table[name])
    if fault:
        raise ValueError(f"{path}: column {name!r} {fault}; it must be numbers in every row")
    return _values(table[name]).astype(np.float64)


def _fault(column: Any) -> str:
    """Why a column cannot be a feature, "" if it can."""
    from pyarrow import types

    kind = column.type
    if column.null_count == len(column):
        return "is empty"
    if types.is_temporal(kind):
        return f"holds dates or times ({kind})"
    if not (_is_plain(kind) or types.is_decimal(kind)):
        text = types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind)
        return "holds text" if text else f"holds {kind}, not numbers"
    if column.null_count:
        return f"has {column.null_count} missing values"
    odd = int(np.count_nonzero(~np.isfinite(_values(column))))
    return f"has {odd} values that are NaN or infinite" if odd else ""


def _is_plain(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind))


def _values(column: Any) -> np.ndarray:
    """A column without missing values as numbers."""
    values: np.ndarray = (column if _is_plain(column.type) else column.cast("float64")).to_numpy()
    return values


# ---------------------------------------------------------------- .npz


def _read_npz(path: Path, target: str | None, weights: str | None) -> Data:
    """X, and y and weights where asked for."""
    arrays = _guarded(path, lambda: _npz_arrays(path), "a .npz archive of arrays")
    sparse = {"data", "shape", "format"} <= arrays.keys()
    if not sparse and "X" not in arrays:
        raise ValueError(
            f"{path} has neither the key 'X' nor those of scipy.sparse.save_npz; "
            f"there is {_quoted(arrays) if arrays else 'none'}"
        )
    X = _guarded(path, lambda: _npz_sparse(path, arrays), "a sparse matrix") if sparse else None
    X = arrays["X"] if X is None else X
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"{path}: X must have rows and columns, its shape is {X.shape}")
    _check_names(arrays, [key for key in (target, weights) if key], path, "key")
    columns = [_vector(arrays, key, X.shape[0], path) for key in (target, weights)]
    names = _npz_names(arrays, X.shape[1], path)
    return Data(
        X, columns[0], columns[1], names, "NumPy archive, sparse" if sparse else "NumPy archive"
    )


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    with open(path, "rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        return {key: archive[key] for key in archive.files}


def _npz_sparse(path: Path, arrays: dict[str, np.ndarray]) -> Any:
    import scipy.sparse

    form = arrays["format"].item()
    form = form.decode("ascii") if isinstance(form, bytes) else form
    if form not in ("csr", "csc", "coo"):  # the others are unpacked by code that trusts them
        raise ValueError(f"its format is {form!r}; convert it with .tocsr()")
    with open(path, "rb") as stream:
        return scipy.sparse.load_npz(stream)


def _vector(
    arrays: dict[str, np.ndarray], key: str | None, n_rows: int, path: Path
) -> np.ndarray | None:
    if key is None:
        return None
    values = arrays[key]
    if values.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(f"{path}: {key!r} has shape {values.shape}, X has {n_rows} rows")
    return values.reshape(n_rows)


def _npz_names(arrays: dict[str, np.ndarray], n_features: int, path: Path) -> list[str] | None:
    if "feature_names" not in arrays:
        return None
    names = arrays["feature_names"]
    if names.dtype.kind != "U" or names.shape != (n_features,) or len(set(names)) != n_features:
        raise ValueError(f"{path}: feature_names must hold {n_features} different texts")
    return [str(name) for name in names]


def _without(data: Data, drop: Collection[str], path: Path) -> Data:
    if not drop:
        return data
    if data.names is None:
        raise ValueError(f"{path}: --drop needs the key feature_names")
    _check_names(data.names, drop, path, "feature")
    dropped = set(drop)
    kept = [j for j, name in enumerate(data.names) if name not in dropped]
    if not kept:
        raise ValueError(f"{path} has no feature beside {_quoted(drop)}")
    return replace(data, X=_columns(data.X, kept), names=[data.names[j] for j in kept])


def _columns(X: Any, positions: list[int]) -> Any:
    """X[:, positions], X itself where that is all of it."""
    if positions == list(range(X.shape[1])):
        return X
    from fastreg.design import as_design

    return as_design(X).matrix[:, positions]  # sound first: SciPy copies by indices as they are


# ---------------------------------------------------------------- svmlight


def _read_svmlight(path: Path) -> Data:
    X, y = _load_svmlight(path)
    base = _base(X)
    X = X[:, base:]
    if 0 in X.shape:
        raise ValueError(f"{path} has no {'features' if X.shape[0] else 'rows'}")
    names = [str(j + base) for j in range(X.shape[1])]
    return Data(X, y, None, names, "svmlight")


def _svmlight_features(path: Path, names: list[str] | None, n_features: int) -> Any:
    X, _ = _load_svmlight(path)
    base = _base(X) if names is None else int(names[0] != "0")
    if names is not None and names != [str(j + base) for j in range(n_features)]:
        raise ValueError(
            f"{path} has numbered features, the model has {_quoted(names)}: it was not "
            "fitted to an svmlight file"
        )
    if base > _base(X):
        raise ValueError(f"{path} has a feature 0, but the model's features count from 1")
    if X.shape[0] == 0:
        raise ValueError(f"{path} has no rows")
    X.resize((X.shape[0], base + n_features))  # columns nobody stored are zero, others unknown
    return X[:, base:]


def _base(X: Any) -> int:
    """The number of the first feature: 1, unless one is stored under 0."""
    return int(X.nnz == 0 or X.indices.min() > 0)


def _load_svmlight(path: Path) -> tuple[Any, np.ndarray]:
    """(X, y) with feature j in column j, so that column 0 is there even if nobody uses it."""
    from sklearn.datasets import load_svmlight_file

    X, y = _guarded(path, lambda: load_svmlight_file(str(path), zero_based=True), "svmlight")
    if X.shape[1] > _MOST_FEATURES:
        raise ValueError(f"{path} names feature {X.shape[1] - 1}; {_MOST_FEATURES} is the most")
    return X, y
