"""What names or holds data, opened as a source by its kind."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastreg._files import marks
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
    """A data set to be read block by block.

    Parameters
    ----------
    data : path, paths, array, memory map, sparse matrix, HDF5 or zarr array, frame, blocks, or a
        dask array, data frame or list of delayed blocks
        Blocks are an iterable of (X, y) or (X, y, sample_weight), or a function that begins one; it
        runs in a thread of its own, and what it gives is copied.
    target : y (m,) or (m, k), or of a table its column or columns, or of a file of arrays its key
        ("y"); None with `encoding`, to predict
    weights : of the rows, (m,) ≥ 0, a column or a key
    drop : columns to leave out
    categories : columns of a table to encode by level whatever they hold; or {column: levels},
        which saves the first read that looks for levels
    missing : "error" (None); "drop" leaves out rows of a table in which something is missing;
        "indicator" puts the mean in place of a missing number, and marks it by a feature of its
        own; rows without a target are left out then
    unknown : "error" (None) or "ignore", of a text that was no level when levels were fixed
    standardize : bool, measure the numbers and days of a table in standard deviations, so that a
        penalty takes them as they come; not what becomes a feature a level
    encoding : `encoding_` of a fitted model, to read other rows as those of the fit
    labels : bool, whether the target of a table, or the first of several, may hold two texts or
        truth values: y has 0 and 1 for them, and `Source.labels` the two
    memory : int, bytes of X up to which a fit holds all rows; beyond, it reads them in blocks
    cache : bool, keep blocks in memory as float32 after the first read, 4·m·n bytes: for what is
        too wide for statistics, and read many times; what is fitted is X rounded to float32
    progress : bool, draw a bar of rows, bytes and time left on standard error while files are read,
        first for the levels of a table and then by fits
    sep, decimal, comment, charset : of CSV files: what separates values (",", a tab in `.tsv`), the
        decimal point ("."), what a line begins with that is left out, and the encoding of the text
        ("utf-8")
    na_values : texts that stand for a missing value, or {column: texts}
    keep_default_na : False takes words such as NA and null of a CSV file as they are
    numbers : columns of texts to read as numbers, without signs of currency and percent
    thousands : what separates thousands in `numbers`
    date_format : {column of texts: format}, as "%d/%m/%Y" or "ISO8601"

    Returns
    -------
    `Source`: `fit` of the estimators and `SufficientStatistics.collect` take it.

    Raises
    ------
    ValueError, OSError
        There is no such data, or it cannot be read; the message names it.

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
            f"encoding must be that of a model, got {type(encoding).__name__}; that of the text of "
            "a file is charset"
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
    source = _source(data, target, weights, options)
    if cache:
        if not source.in_order:
            raise ValueError(f"{source.kind} has a cache of its own: X.persist()")
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
        raise ValueError("data is a source already")
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
        raise ValueError("labels is for files and frames: put numbers into dask's y")
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
        raise ValueError(f"{path}: a data file ends in {', '.join(SUFFIXES)}")
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
        raise ValueError(f"{name} is for tables, {place} is none")


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
