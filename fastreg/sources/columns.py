"""Which columns of a table are what, and blocks of its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fastreg.sources import scan
from fastreg.sources.buffers import Buffers
from fastreg.sources.csv_files import Known
from fastreg.sources.encoding import Category, Encoding, kind_of, numbers
from fastreg.sources.names import check_different, check_names, quoted
from fastreg.sources.rows import Block
from fastreg.sources.suspects import MisreadError
from fastreg.sources.text import PLAIN, Text

Array = np.ndarray
Look = Callable[[dict[str, str]], scan.Seen]


@dataclass(frozen=True)
class Options:
    """How a table is to be read; see `fastreg.read`.

    only : columns of numbers that are all the features, in their order, or None
    labels : whether the first target may hold two texts
    progress : whether the first read of files, which looks for levels, draws a bar
    """

    drop: Collection[str] = ()
    categories: Mapping[str, Any] | Collection[str] = ()
    missing: str | None = None
    unknown: str | None = None
    standardize: bool = False
    encoding: Encoding | None = None
    text: Text = PLAIN
    only: Sequence[str] | None = None
    labels: bool = False
    progress: bool = False

    @property
    def how(self) -> Text:
        """How texts are read: as is said, and for the rest as in the fit."""
        return self.text if self.encoding is None else self.text.over(self.encoding.text)

    @property
    def known(self) -> Known:
        """Columns whose kind is given, whatever they look like."""
        given: Any = self.categories
        levels = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, ())
        columns = () if self.encoding is None else self.encoding.columns
        levels |= {each.name: each.levels for each in columns if isinstance(each, Category)}
        of = {kind: [c.name for c in columns if c.kind == kind] for kind in ("number", "date")}
        numbers = frozenset([*of["number"], *(self.only or ())])
        return Known(levels, numbers, frozenset(of["date"]), frozenset(self.drop))


@dataclass(frozen=True)
class Reading:
    """Rows of a table as X, y and weights: plain data, that travels to where the rows are.

    label : the two texts of the first target, read as 0 and 1, None of numbers
    """

    encoding: Encoding
    targets: tuple[str, ...]
    flat: bool
    weight: str | None
    dtype: Any = field(default=np.float64)
    note: str = ""  # about what is missing
    label: Category | None = None

    @property
    def aside(self) -> list[str]:
        """Columns that are no features."""
        return [*self.targets, *([self.weight] if self.weight else [])]

    @property
    def needed(self) -> list[str]:
        return list(dict.fromkeys([*(c.name for c in self.encoding.columns), *self.aside]))

    @property
    def row_bytes(self) -> int:
        """Of X."""
        if self.encoding.is_sparse:
            return 12 * self.encoding.entries + 4
        return 8 * len(self.encoding.features)

    def block(self, part: Any, row: int, place: str, buffers: Buffers | None) -> Block | None:
        """Rows from number `row` on, None if none is left of them.

        Parameters
        ----------
        part : pyarrow table with the columns `needed`
        buffers : where X is put if it is dense, None for memory of its own
        """
        size, numbered = part.nbytes, np.arange(row, row + part.num_rows)
        if self.encoding.missing != "error":
            kept = ~self._lost(part)
            if not kept.all():
                part, numbered = _filtered(part, kept), numbered[kept]
        if part.num_rows == 0:
            return None
        empty = Block(None, None, None, numbered, place, size)
        X = self.encoding.encode(part, empty.row, self.dtype, self.advice, buffers or Buffers())
        y = None
        if self.targets:
            y = np.column_stack([self._values(part, name) for name in self.targets])
            y = np.ascontiguousarray(y[:, 0] if self.flat else y, np.float64)
        weights = None if self.weight is None else numbers(part.column(self.weight))
        return empty._replace(X=X, y=y, weights=weights)

    def _values(self, part: Any, name: str) -> Array:
        """(b,) numbers of a column that is no feature, NaN where there is none."""
        if self.label is None or name != self.label.name:
            return numbers(part.column(name))
        (piece,) = self.label.pieces(part.column(name), lambda absent: None)
        return np.where(piece.values > 0.0, piece.codes, np.nan)

    @property
    def advice(self) -> str:
        """What to do about a missing value."""
        if self.targets:
            return f"missing='drop' leaves such rows out, missing='indicator' marks them{self.note}"
        if self.encoding.missing == "indicator":
            return f"the fit saw no gap there: fill it, or fit to rows with gaps{self.note}"
        return f"fill it, or fit with missing='indicator'{self.note}"

    def keeps(self, part: Any) -> bool:
        """Whether a row of the part is left."""
        return self.encoding.missing == "error" or not self._lost(part).all()

    def _lost(self, part: Any) -> Array:
        """Rows without a target or weight, and with missing="drop" without a feature."""
        lost = np.zeros(part.num_rows, bool)
        for name in self.aside:
            lost |= np.isnan(self._values(part, name))
        return lost | self.encoding.is_lost(part) if self.encoding.missing == "drop" else lost


def reading(
    schema: Any,
    name: str,
    target: Any,
    weight: str | None,
    options: Options,
    look: Look,
    near: Collection[str] = (),
) -> Reading:
    """How the rows of a table become X, y and weights.

    Parameters
    ----------
    schema : of pyarrow; name : of the table, for messages
    target : column or columns of y, or None to read features only
    look : reads what columns of these kinds hold, where that must be known
    near : columns of numbers that are known to be near zero, see `scan.near_up_to`

    Raises
    ------
    ValueError
        A column or an option is not acceptable; the message names it.
    """
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    flat = not target or isinstance(target, str)
    aside = [*targets, *([weight] if weight else [])]
    _check_columns(schema, name, aside, options.drop)
    label = _label(schema, name, targets[0], look) if options.labels and targets else None
    _check_numbers(schema, name, aside if label is None else aside[1:], look)
    features = _features(schema, name, aside, options, look)
    if options.encoding is None:
        encoding = _encoding(schema, name, features, options, look, near)
    else:
        for each in ("drop", "categories", "standardize"):
            if getattr(options, each):
                raise ValueError(f"{each} is decided by the encoding: give one of both")
        encoding = options.encoding
        encoding = replace(
            encoding,
            missing=options.missing or encoding.missing,
            unknown=options.unknown or encoding.unknown,
            text=options.how,
        )
        encoding.check()
    narrow = all(str(schema.field(column.name).type) == "float" for column in encoding.columns)
    dtype = np.float32 if narrow else np.float64
    return Reading(encoding, targets, flat, weight, dtype, label=label)


def _label(schema: Any, name: str, target: str, look: Look) -> Category | None:
    """The two texts, or truth values, that a column holds, None if it holds numbers."""
    kind = schema.field(target).type
    if kind_of(schema.field(target)) == "number" and str(kind) != "bool":
        return None
    seen = look({target: "category"})[target].column(scan.How(False, False))
    levels = tuple(sorted(seen.levels))
    if len(levels) != 2:
        raise ValueError(
            f"{name}: column {target!r} holds {len(levels)} different labels, {quoted(levels)}: "
            "two are needed"
        )
    return Category(target, levels)


def _check_columns(schema: Any, name: str, aside: list[str], drop: Collection[str]) -> None:
    names = list(schema.names)
    check_different(names, name)
    if len({*aside, *drop}) < len(aside) + len(drop):
        raise ValueError("target, weights and drop must name different columns")
    check_names(names, [*aside, *drop], name, "column")


def _features(schema: Any, name: str, aside: list[str], options: Options, look: Look) -> list[str]:
    """The columns that features are made of."""
    if options.encoding is not None or options.only is not None:
        known = () if options.encoding is None else options.encoding.columns
        wanted = list(options.only or [column.name for column in known])
        check_names(schema.names, wanted, name, "column")
        _check_numbers(schema, name, options.only or (), look)
        _refuse_texts(schema, [c.name for c in known if c.kind != "category"], look)
        for column in known:
            kind = kind_of(schema.field(column.name))
            if column.kind not in ("category", kind):
                raise ValueError(
                    f"{name}: column {column.name!r} holds {schema.field(column.name).type}, where "
                    f"the fit had a {column.kind}"
                )
        return wanted
    features = [each for each in schema.names if each not in {*aside, *options.drop}]
    if not features:
        raise ValueError(f"{name} has no feature column beside {quoted([*aside, *options.drop])}")
    return features


def _check_numbers(schema: Any, name: str, columns: Iterable[str], look: Look) -> None:
    check_names(schema.names, columns, name, "column")
    _refuse_texts(schema, columns, look)
    for column in columns:
        if kind_of(schema.field(column)) != "number":
            what = schema.field(column).type
            raise ValueError(
                f"{name}: column {column!r} holds {what}; it must be numbers. For a target of two "
                "classes give labels=True"
            )


def _refuse_texts(schema: Any, columns: Iterable[str], look: Look) -> None:
    """MisreadError if a column that must not be text is, and looks like something else."""
    for column in columns:
        if kind_of(schema.field(column)) == "text":
            look({column: "sample"})[column].refuse()


def _encoding(
    schema: Any, name: str, features: list[str], options: Options, look: Look, near: Collection[str]
) -> Encoding:
    missing, unknown = options.missing or "error", options.unknown or "error"
    Encoding((), missing, unknown).check()
    given: Any = options.categories
    named = [given] if isinstance(given, str) else list(given)
    levels = dict(given) if isinstance(given, Mapping) else {}
    check_names(features, named, name, "feature column")
    kinds = {each: kind_of(schema.field(each)) for each in features}
    kinds |= dict.fromkeys(named, "category")
    for each, kind in kinds.items():
        if not kind:
            what = schema.field(each).type
            advice = "charset='cp1252' reads what is not UTF-8, " if str(what) == "binary" else ""
            raise ValueError(
                f"{name}: column {each!r} holds {what}, not numbers, texts or dates; {advice}leave "
                "it out with drop"
            )
    open_ = {each: kind for each, kind in kinds.items() if each not in levels}
    means = missing == "indicator" or options.standardize
    try:
        seen = _looked(open_, look, near, means=means)
        found = scan.encoding_of(
            kinds, seen, levels, missing=missing, unknown=unknown, standardize=options.standardize
        )
        if found.is_sparse:
            found = scan.near_zero(found, seen, standardize=options.standardize)
        check_different(found.features, "its features, with levels,")
        return replace(found, text=options.text)
    except MisreadError:
        raise
    except ValueError as error:
        known = str(error).startswith(name)
        raise ValueError(str(error) if known else f"{name}: {error}") from None


def _looked(kinds: dict[str, str], look: Look, near: Collection[str], *, means: bool) -> scan.Seen:
    """What columns hold; numbers need no look where their means are not asked for, and are near
    zero or stand beside no columns whose levels are to be seen."""
    numbers = {name: kind for name, kind in kinds.items() if kind == "number"}
    if not means and len(numbers) == len(kinds):
        return scan.unseen(kinds)
    left = {} if means else {name: kind for name, kind in numbers.items() if name in near}
    wanted = {name: kind for name, kind in kinds.items() if name not in left}
    return (look(wanted) if wanted else {}) | scan.unseen(left)


def _filtered(part: Any, kept: Array) -> Any:
    import pyarrow as pa

    return part.filter(pa.array(kept))
