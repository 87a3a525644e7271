"""What names or holds data, opened as a source by its kind."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastreg._files import marks
from fastreg._interrupts import interruptible
from fastreg.design import feature_names
from fastreg.sources import archives, cluster, svmlight, tables
from fastreg.sources.arrays import Arrays, open_npy
from fastreg.sources.blocks import MEMORY, Source
from fastreg.sources.cache import Cached
from fastreg.sources.columns import Options
from fastreg.sources.encoding import Encoding
from fastreg.sources.formats import FORMATS, suffix_of
from fastreg.sources.given import are_paths, is_dask
from fastreg.sources.streams import Stream
from fastreg.sources.text import Text

_OF_TABLES = ("categories", "missing", "unknown", "standardize", "encoding")
SUFFIXES = (".npy", *FORMATS, *archives.SUFFIXES, *svmlight.SUFFIXES)


def read(
    data: Any,
    target: Any = None,
    *,
    weights: Any = None,
    drop: Collection[str] = (),
    categories: Mapping[str, Any] | Collection[str] = (),
    missing: str | None = None,
    unknown: str | None = None,
    standardize: bool = False,
    encoding: Encoding | None = None,
    labels: bool = False,
    memory: int = MEMORY,
    cache: bool = False,
    progress: bool = False,
    sep: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    comment: str | None = None,
    charset: str | None = None,
    na_values: Collection[str] | Mapping[str, Collection[str]] | None = None,
    keep_default_na: bool | None = None,
    numbers: Collection[str] | None = None,
    date_format: Mapping[str, str] | None = None,
) -> Source:
    """Open a data set, to read it block by block.

    Files, tables, arrays, streams and dask collections all become a `Source`. Estimators then fit
    data that is larger than memory.

    Parameters
    ----------
    data : path, array, data frame, iterable or dask collection
        Data. Files: .csv, .tsv, .parquet, .arrow, .feather, .npy, .npz, .h5, .zarr and svmlight;
        also a list or a folder of tables. Arrays: also memory maps, sparse matrices, HDF5 and zarr
        arrays. An iterable yields blocks (X, y) or (X, y, sample_weight); an iterator is read once.
        A function that returns an iterable is called for each read, in a thread of its own, and
        its blocks are copied. A dask collection is an array, a data frame or a list of delayed
        blocks.
    target : array-like, str, list of str or None, default=None
        Target: an array for arrays, the name of one or more columns for tables, or a key for files
        of arrays, where None means "y". None with `encoding` reads rows to predict.
    weights : array-like, str or None, default=None
        Weights of the rows, at least 0: an array, the name of a column, or a key.
    drop : list of str, default=()
        Columns to leave out.
    categories : list of str or dict, default=()
        Columns to treat as texts, whatever they hold. A dict {column: levels} saves the first read,
        which looks for the levels.
    missing : {"error", "drop", "indicator"} or None, default=None
        What to do about a missing value in a table. None means "error". "drop" leaves out its row.
        "indicator" puts the mean in its place, and marks it by a feature; rows without a target are
        left out.
    unknown : {"error", "ignore"} or None, default=None
        What to do about a text that is not a level. None means "error".
    standardize : bool, default=False
        Whether to divide numbers and days by their standard deviations, so that a penalty treats
        them alike. Features of levels stay 0 and 1.
    encoding : Encoding or None, default=None
        `encoding_` of a fitted model, to read other rows as the fit read its own.
    labels : bool, default=False
        Whether the target of a table, or the first of several, may hold texts or truth values. y
        then holds their places, 0, 1 and so on, in `Source.labels`.
    memory : int, default=536870912
        Largest number of bytes of X for which a fit holds all rows. Larger data is read in blocks.
    cache : bool, default=False
        Whether to keep the blocks in memory as float32 after the first read. It helps data that is
        too wide for statistics and read many times. The fit is then that of X rounded to float32.
    progress : bool, default=False
        Whether reads draw a progress bar on standard error.
    sep : str or None, default=None
        Text between two values of a CSV file. None means ",", and a tab in a .tsv file.
    decimal : str or None, default=None
        Decimal point of a CSV file. None means ".".
    thousands : str or None, default=None
        Text between thousands in `numbers`.
    comment : str or None, default=None
        Start of the lines of a CSV file to leave out.
    charset : str or None, default=None
        Encoding of the text of a CSV file. None means "utf-8".
    na_values : list of str, dict or None, default=None
        Texts that mean a missing value. A dict has them for each column.
    keep_default_na : bool or None, default=None
        Whether words such as NA and null mean a missing value in a CSV file. None means True.
    numbers : list of str or None, default=None
        Columns of texts to read as numbers. Signs of currency and percent are left out.
    date_format : dict or None, default=None
        Format of each column of dates, {column: format}, such as "%d/%m/%Y" or "ISO8601".

    Returns
    -------
    Source
        The data set. `fit` of the estimators and `SufficientStatistics.collect` take it.

    Raises
    ------
    ValueError
        There is no such data, or an option does not go with it. The message names it.
    OSError
        A file cannot be read.

    See Also
    --------
    SufficientStatistics : Keep sums of the data, and fit without it.

    Notes
    -----
    Text columns become one feature for each level, with 1 where a row has that level. Dates become
    the days since the first, and features for month, weekday and hour. The first read fixes the
    features. With `encoding`, options that are not set are those of the fit.

    Examples
    --------
    >>> import numpy as np, pandas, fastreg
    >>> frame = pandas.DataFrame({"city": ["Oslo", "Rome", "Rome"], "y": [1.0, 2.0, 4.0]})
    >>> source = fastreg.read(frame, "y")
    >>> source.feature_names
    ['city=Oslo', 'city=Rome']
    >>> fastreg.Ridge(alpha=1e-6).fit(source).predict(frame).round(3)
    array([1., 3., 3.])
    """
    if not isinstance(memory, int) or memory < 0:
        raise ValueError(f"memory must be a number of bytes ≥ 0, got {memory!r}")
    if encoding is not None and not isinstance(encoding, Encoding):
        raise ValueError(
            f"encoding must be the encoding_ of a model, got {type(encoding).__name__}: "
            "set charset for the text of a file"
        )
    if not isinstance(categories, Mapping):
        categories = _names_of(categories, "categories")
    drop = _names_of(drop, "drop")
    na_values = [na_values] if isinstance(na_values, str) else na_values
    numbers = None if numbers is None else _names_of(numbers, "numbers")
    text = Text(
        sep, decimal, thousands, comment, charset, na_values, keep_default_na, numbers, date_format
    )
    options = Options(
        drop, categories, missing, unknown, standardize, encoding, text,
        labels=labels, progress=progress,
    )  # fmt: skip
    with interruptible:
        source = _source(data, target, weights, options)
    if cache:
        if not source.in_order:
            raise ValueError(f"cache must be False for {source.kind}: call X.persist() instead")
        source = Cached(source)
    source.memory, source.progress = memory, progress
    return source


def features(X: Any, encoding: Any, names: Any, n_features: int) -> Source:
    """What `predict` is given that is not in memory, as `given.as_features` says."""
    if encoding is not None and encoding.missing == "drop":
        encoding = dataclasses.replace(encoding, missing="error")
    if isinstance(X, str | os.PathLike):
        named = None if names is None else [str(name) for name in names]
        return _features(Path(X), encoding, named, n_features)
    if is_dask(X):
        return _dask_features(X, encoding, names)
    return tables.Table(X, None, None, Options(encoding=encoding))


def _features(path: Path, encoding: Any, names: list[str] | None, n_features: int) -> Source:
    suffix = _suffix(path)
    if suffix in svmlight.SUFFIXES:
        return svmlight.SvmLight(path, names, n_features)
    if suffix in archives.SUFFIXES:
        found = archives.open_archive(path, None, None, ())
        return found if names is None or found.feature_names is None else found.select(names)
    if suffix == ".npy":
        return _npy(path)
    return tables.Table(path, None, None, _as_in_the_fit(path, encoding, names))


def _dask_features(X: Any, encoding: Any, names: Any) -> Source:
    if hasattr(X, "chunks"):
        return cluster.of_arrays(X, None, None)
    return cluster.of_frame(X, None, None, _as_in_the_fit("the data frame", encoding, names))


def _as_in_the_fit(place: Any, encoding: Any, names: Any) -> Options:
    """How to read a table that is to be predicted."""
    if encoding is not None:
        return Options(encoding=encoding)
    if names is None:
        raise ValueError(f"{place}: the model has no feature names to match the columns with")
    return Options(only=[str(name) for name in names])


def _source(data: Any, target: Any, weights: Any, options: Options) -> Source:
    if isinstance(data, Source):
        raise ValueError("data is a Source already: pass it to fit")
    if is_dask(data):
        return _of_dask(data, target, weights, options)
    if feature_names(data) is not None or are_paths(data):
        _check_columns(target, weights, data, options)
        return tables.Table(data, target, weights, options)
    if isinstance(data, str | os.PathLike):
        return _file(Path(data), target, weights, options)
    _refuse(options, ("drop", *_OF_TABLES), type(data).__name__)
    if hasattr(data, "shape"):
        return Arrays(data, target, weights)
    if isinstance(data, Iterable) or callable(data):
        if target is not None or weights is not None:
            raise ValueError("blocks are (X, y) or (X, y, sample_weight): give target with them")
        return Stream(data)
    raise ValueError(f"data must be an array, a path or blocks, got {type(data).__name__}")


def _of_dask(data: Any, target: Any, weights: Any, options: Options) -> Source:
    if options.labels:
        raise ValueError("labels must be False for dask collections: put 0 and 1 into y")
    kind = "blocks" if isinstance(data, list | tuple) else type(data).__name__
    if kind == "DataFrame" and is_dask(target):  # y beside the frame, as scikit-learn has it
        return cluster.beside(data, target, weights, options)
    if kind == "DataFrame":
        _check_columns(target, weights, data, options)
        return cluster.of_frame(data, target, weights, options)
    _refuse(options, ("drop", *_OF_TABLES), f"dask {kind}")
    if kind == "Array":
        return cluster.of_arrays(data, target, weights)
    if kind != "blocks":
        raise ValueError(f"data must be a dask array, data frame or delayed blocks, got {kind}")
    if target is not None or weights is not None:
        raise ValueError("blocks are (X, y) or (X, y, sample_weight): give target with them")
    return cluster.of_delayed(data)


def _file(path: Path, target: Any, weights: Any, options: Options) -> Source:
    suffix = _suffix(path)
    if suffix in FORMATS or (path.is_dir() and suffix != ".zarr"):
        _check_columns(target, weights, path, options)
        return tables.Table(path, target, weights, options)
    _refuse(options, _OF_TABLES, str(path))
    if suffix in archives.SUFFIXES:
        return archives.open_archive(path, target or "y", weights, options.drop)
    if options.drop or (suffix in svmlight.SUFFIXES and weights is not None):
        raise ValueError(f"{path}: weights and drop need a file with named columns")
    if suffix in svmlight.SUFFIXES:
        return svmlight.SvmLight(path)
    return _npy(path, target, weights)


def _npy(path: Path, target: Any = None, weights: Any = None) -> Source:
    """X of a `.npy` file, y and the weights of others or in memory."""
    given = (path, target, weights)
    opened = marks(part for part in given if isinstance(part, str | os.PathLike))
    X, y, w = (
        open_npy(Path(part), "an array") if isinstance(part, str | os.PathLike) else part
        for part in given
    )
    return Arrays(X, y, w, kind=".npy", place=str(path), marks=opened)


def _suffix(path: Path) -> str:
    """That of a file or folder which is there and can be read by its kind."""
    suffix = suffix_of(path)
    if suffix not in SUFFIXES and not path.is_dir():
        raise ValueError(f"{path}: the name of a data file must end in {', '.join(SUFFIXES)}")
    if not path.exists():
        raise ValueError(f"{path}: no such file")
    if path.is_dir() and suffix in SUFFIXES and suffix not in (".zarr", *FORMATS):
        raise ValueError(f"{path}: is not a file")
    return suffix


def _names_of(value: Any, name: str) -> list[str]:
    """Names of columns, or one of them."""
    several = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(several, Collection) or not all(isinstance(one, str) for one in several):
        raise ValueError(f"{name} must be names of columns, got {value!r}")
    return list(several)


def _refuse(options: Options, names: Sequence[str], place: str) -> None:
    """Options that this kind of data has no use for."""
    given = [name for name in names if getattr(options, name)]
    for name in [*given, *options.text.given]:
        raise ValueError(f"{name} needs a table, and {place} is not one")


def _check_columns(target: Any, weights: Any, place: Any, options: Options) -> None:
    """ValueError if target and weights of a table are no names of columns; to predict takes no
    target."""
    if target is None and weights is None and options.encoding is not None:
        return
    several = isinstance(target, list | tuple) and target
    if not all(isinstance(name, str) for name in (target if several else [target])):
        where = place if isinstance(place, str | os.PathLike) else "the frame"
        raise ValueError(f"{where}: name the column to predict as target, got {target!r}")
    if weights is not None and not isinstance(weights, str):
        raise ValueError("sample_weight of a table must be the name of a column")
