"""Which columns of a table are what. What is wrong with them is noted, and told at the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastreg.sources import scan
from fastreg.sources.columns import Options, Reading
from fastreg.sources.complaints import ComplaintError, Complaints
from fastreg.sources.encoding import Category, Encoding, kind_of
from fastreg.sources.names import alike, check_different, check_names, quoted

Look = Callable[[dict[str, str]], scan.Seen]


def reading(
    schema: Any,
    target: Any,
    weight: str | None,
    options: Options,
    look: Look,
    complaints: Complaints,
    near: Collection[str] = (),
) -> Reading:
    """How the rows of a table become X, y and weights.

    Parameters
    ----------
    schema : of pyarrow
    target : column or columns of y, or None to read features only
    weight : column, or None
    look : reads what columns of these kinds hold, where that must be known; it may note complaints
        and leave columns out, but for the last
    complaints : about this table, so far
    near : columns of numbers that are known to be near zero, see `scan.near_up_to`

    Raises
    ------
    ValueError
        Columns or options are not acceptable; the message names them.
    """
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    aside = [*targets, *([weight] if weight else [])]
    table = _Table(schema, options, look, complaints)
    table.check_names(aside)
    label, labelled = table.label(targets[0]) if options.labels and targets else (None, False)
    table.check_numbers(aside[1:] if labelled else aside)
    encoding = table.encoding(aside, near)
    narrow = all(str(schema.field(column.name).type) == "float" for column in encoding.columns)
    dtype = np.float32 if narrow else np.float64
    flat = not target or isinstance(target, str)
    how = Reading(encoding, targets, flat, weight, dtype, label=label)
    complaints.check(how)
    return how


@dataclass(frozen=True)
class _Table:
    """Columns that are judged, and where it is noted what is wrong with them."""

    schema: Any
    options: Options
    look: Look
    complaints: Complaints

    @property
    def name(self) -> str:
        return self.complaints.name

    def judged(self, columns: Iterable[str]) -> Iterator[str]:
        """Those that are there, and whose content is known."""
        there = set(self.schema.names) - self.complaints.spare
        return (column for column in columns if column in there)

    def check_names(self, aside: list[str]) -> None:
        """Note names that are not there. Columns that are written nearly so are spared: nobody
        knows what they were meant to be."""
        names, drop = list(self.schema.names), self.options.drop
        check_different(names, self.name)
        if len({*aside, *drop}) < len(aside) + len(drop):
            raise ValueError("target, weights and drop must name different columns")
        with self.complaints.noting():
            check_names(names, [*aside, *drop], self.name, "column")
        strange = {*aside, *drop, *self.options.text.columns} - {*names}
        self.complaints.spare.update(strange)
        self.complaints.spare.update(near for each in strange for near in alike(each, names)[:1])
        if not self.complaints.patient:
            self.complaints.check()

    def label(self, target: str) -> tuple[Category | None, bool]:
        """The two texts, or truth values, that a column holds, None of numbers; and whether they
        were asked for."""
        if target not in set(self.judged([target])):
            return None, True
        field = self.schema.field(target)
        if kind_of(field) == "number" and str(field.type) != "bool":
            return None, False
        label = None
        with self.complaints.noting(target):
            label = self._two_labels(target)
        return label, True

    def _two_labels(self, target: str) -> Category:
        seen = self.look({target: "category"})[target].column(scan.How(False, False))
        levels = tuple(sorted(seen.levels))
        if len(levels) != 2:
            takers = ". LogisticRegression and LinearSVC take more of data in memory"
            more = takers if len(levels) > 2 else ""
            raise ComplaintError(
                f"{self.name}: column {target!r} holds {len(levels)} different labels, "
                f"{quoted(levels)}: two are needed{more}",
                target,
                "kind",
            )
        return Category(target, levels)

    def check_numbers(self, columns: Iterable[str]) -> None:
        """Note columns that hold no numbers."""
        for column in self.judged(columns):
            with self.complaints.noting(column):
                self._refuse_texts(column)
                self._check_number(column)

    def _check_number(self, column: str) -> None:
        field = self.schema.field(column)
        if kind_of(field) != "number":
            raise ValueError(
                f"{self.name}: column {column!r} holds {field.type}; it must be numbers. For a "
                "target of two classes give labels=True"
            )

    def _refuse_texts(self, column: str) -> None:
        """MisreadError if a column that must not be text is, and looks like something else."""
        if kind_of(self.schema.field(column)) == "text":
            self.look({column: "sample"})[column].refuse()

    # ------------------------------------------------------------ features

    def encoding(self, aside: list[str], near: Collection[str]) -> Encoding:
        """That of the fit, or that of what the columns hold."""
        if self.options.encoding is not None:
            return self._of_the_fit(self.options.encoding)
        wanted = self._only() if self.options.only is not None else self._features(aside)
        return self._of_columns(wanted, near)

    def _of_the_fit(self, given: Encoding) -> Encoding:
        options = self.options
        for each in ("drop", "categories", "standardize"):
            if getattr(options, each):
                raise ValueError(f"{each} is decided by the encoding: give one of both")
        with self.complaints.noting():
            wanted = [column.name for column in given.columns]
            check_names(self.schema.names, wanted, self.name, "column")
        for column in given.columns:
            self._check_kind(column)
        encoding = replace(
            given,
            missing=options.missing or given.missing,
            unknown=options.unknown or given.unknown,
            text=options.how,
        )
        encoding.check()
        return self._judged(encoding)

    def _judged(self, encoding: Encoding) -> Encoding:
        """The same, of columns whose content is known."""
        known = {*self.judged(column.name for column in encoding.columns)}
        columns = tuple(column for column in encoding.columns if column.name in known)
        return replace(encoding, columns=columns)

    def _check_kind(self, column: Any) -> None:
        """Note a column that is not of the kind that the fit has seen."""
        name = column.name
        if column.kind == "category" or name not in set(self.judged([name])):
            return
        field = self.schema.field(name)
        with self.complaints.noting(name):
            self._refuse_texts(name)
            if column.kind != kind_of(field):
                raise ValueError(
                    f"{self.name}: column {name!r} holds {field.type}, where the fit had a "
                    f"{column.kind}"
                )

    def _only(self) -> list[str]:
        """Columns of numbers that are all the features."""
        wanted = list(self.options.only or ())
        with self.complaints.noting():
            check_names(self.schema.names, wanted, self.name, "column")
        self.check_numbers(wanted)
        return [*self.judged(wanted)]

    def _features(self, aside: list[str]) -> list[str]:
        """The columns that features are made of."""
        left = {*aside, *self.options.drop}
        features = [each for each in self.schema.names if each not in left]
        if not features:
            beside = quoted([*aside, *self.options.drop])
            self.complaints.add(ValueError(f"{self.name} has no feature column beside {beside}"))
        return features

    def _of_columns(self, features: list[str], near: Collection[str]) -> Encoding:
        options = self.options
        missing, unknown = options.missing or "error", options.unknown or "error"
        Encoding((), missing, unknown).check()
        how = scan.How(missing == "indicator", options.standardize)
        kinds, levels = self._kinds(features), self._levels()
        means = how.marked or options.standardize
        open_ = {each: kind for each, kind in kinds.items() if each not in levels}
        seen: scan.Seen = {}
        with self.complaints.noting():
            seen = _looked(open_, self.look, near, means=means)
        known = {each: kind for each, kind in kinds.items() if each in seen or each in levels}
        columns = scan.columns_of(known, seen, levels, how, self.complaints)
        found = Encoding(columns, missing, unknown, options.text)
        if self.complaints:
            return self._judged(found)
        if found.is_sparse:
            found = scan.near_zero(found, seen, standardize=options.standardize)
        with self.complaints.noting():
            check_different(found.features, "its features, with levels,")
        return found

    def _levels(self) -> dict[str, Any]:
        given: Any = self.options.categories
        return dict(given) if isinstance(given, Mapping) else {}

    def _kinds(self, features: list[str]) -> dict[str, str]:
        """{column: kind} of features that can be read; others are noted."""
        given: Any = self.options.categories
        named = [given] if isinstance(given, str) else list(given)
        with self.complaints.noting():
            check_names(features, named, self.name, "feature column")
        kinds = {each: kind_of(self.schema.field(each)) for each in self.judged(features)}
        kinds |= {each: "category" for each in named if each in kinds}
        for each in [each for each, kind in kinds.items() if not kind]:
            del kinds[each]
            self.complaints.add(self._unreadable(each))
        return kinds

    def _unreadable(self, column: str) -> ComplaintError:
        what = str(self.schema.field(column).type)
        advice = "charset='cp1252' reads what is not UTF-8, " if what == "binary" else ""
        return ComplaintError(
            f"{self.name}: column {column!r} holds {what}, not numbers, texts or dates; {advice}"
            "leave it out with drop",
            column,
            "kind",
        )


def _looked(kinds: dict[str, str], look: Look, near: Collection[str], *, means: bool) -> scan.Seen:
    """What columns hold; numbers need no look where their means are not asked for, and are near
    zero or stand beside no columns whose levels are to be seen."""
    numbers = {name: kind for name, kind in kinds.items() if kind == "number"}
    if not means and len(numbers) == len(kinds):
        return scan.unseen(kinds)
    left = {} if means else {name: kind for name, kind in numbers.items() if name in near}
    wanted = {name: kind for name, kind in kinds.items() if name not in left}
    return (look(wanted) if wanted else {}) | scan.unseen(left)
