"""`fit` and `predict` of classes and counts: an offset, deviance, rows in memory or in blocks.

The strength `--alpha` is that of the estimator: 1/C of `LogisticRegression`, alpha of
`PoissonRegressor`. A penalty of squares is `--model ridge`, of absolute values `--model lasso`.
"""

from __future__ import annotations

import csv
import io
import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastreg.cli.streamed_rows import StreamedRows, words_of_classes, words_of_offset

Array = np.ndarray
FAMILIES = ("gaussian", "binomial", "poisson")
MEMORY = 4.0  # GB of X that are held without being asked
_RATIOS = {"ridge": 0.0, "lasso": 1.0, "elasticnet": 0.5}


def check(arguments: Any) -> None:
    """ValueError if options of a fit cannot be combined."""
    family = arguments.family
    if family == "gaussian" and arguments.offset:
        raise ValueError(
            "--offset is for --family binomial or poisson: of squares subtract it from the target"
        )
    if family != "poisson" and arguments.exposure:
        raise ValueError("--exposure is for --family poisson: --offset adds a column as it is")
    if family != "gaussian" and arguments.cv is not None and arguments.alpha is not None:
        raise ValueError("--alpha is what --cv chooses: give one of them")


def check_offset(arguments: Any) -> None:
    """ValueError if both kinds of offset are given, or the file has no columns to name."""
    from fastreg.sources.formats import FORMATS, suffix_of

    name = arguments.offset or arguments.exposure
    if arguments.offset and arguments.exposure:
        raise ValueError("--exposure is an offset, its log: give --offset or --exposure")
    if name and suffix_of(arguments.file) not in FORMATS and not arguments.file.is_dir():
        raise ValueError(f"{name!r} is to be a column of a table, and {arguments.file} is none")


def targets(arguments: Any) -> Any:
    """What `fastreg.read` takes as target: the column, and that of the offset."""
    name = arguments.offset or arguments.exposure
    return [arguments.target, name] if name else arguments.target


# ---------------------------------------------------------------- fit


@dataclass(frozen=True)
class OffsetRows:
    """All rows in memory, with the offset (m,) of each or None."""

    source: Any
    X: Any
    y: Array
    weights: Array | None
    offset: Array | None
    arguments: Any = field(repr=False)

    measure = "D² (training)"

    def fit(self, model: Any) -> None:
        from fastreg.linear_model.opening import note_source

        model.fit(self.X, self.y, self.weights, self.offset)
        note_source(model, self.source)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def deviations(self) -> Array:
        """(n,) standard deviations of the columns."""
        from fastreg.cli.samples import column_deviations

        return column_deviations(self.X)

    def explained(self, model: Any) -> float:
        """The share of the deviance that the model explains beside its offset."""
        from fastreg.linear_model.generalized import explained

        y = self.y if self.arguments.family == "poisson" else (self.y == model.classes_[1]) * 1.0
        z = model._linear()(self.X)
        z = z if self.offset is None else z + self.offset
        return explained(model._loss, z, y, self.weights, self.offset)

    def words(self, model: Any) -> list[tuple[str, str]]:
        """What the report says of classes and of an offset."""
        out = []
        if hasattr(model, "classes_"):
            counts = [np.count_nonzero(self.y == each) for each in model.classes_]
            out.append(words_of_classes(model, counts))
        if self.arguments.offset:
            out.append(words_of_offset(self.arguments))
        if self.arguments.exposure:
            out.append(("exposure", f"{self.arguments.exposure}; give --exposure to predict too"))
        return out


def rows_of(source: Any, arguments: Any) -> OffsetRows | StreamedRows:
    """All rows of a source, or where they are more than memory may hold, block by block."""
    if not source.fits:
        return _streamed(source, arguments)
    X, y, weights = source.whole()
    offset = None
    if arguments.offset or arguments.exposure:
        y, offset = np.ascontiguousarray(y[:, 0]), _offset(y[:, 1], arguments)
    if arguments.family == "binomial":
        y = _labels(source, y, weights, arguments)
    return OffsetRows(source, X, y, weights, offset, arguments)


def _streamed(source: Any, arguments: Any) -> StreamedRows:
    if arguments.exposure:
        size = (source.size or 0) / 1e9
        raise ValueError(
            f"{arguments.file}: --exposure is for rows in memory, and X may take {size:.3g} GB, "
            f"more than {source.memory / 1e9:g}: --memory {size + 0.1:.1f} allows it, --drop "
            "leaves columns out, --offset takes a column of logarithms"
        )
    return StreamedRows(source, arguments)


def _offset(values: Array, arguments: Any) -> Array:
    values = np.ascontiguousarray(values)
    if arguments.offset:
        return values
    if not (values > 0.0).all():
        i = int(np.argmin(values > 0.0))
        raise ValueError(
            f"--exposure {arguments.exposure}: an exposure must be above 0, row {i} has "
            f"{values[i]:g}: leave such rows out"
        )
    out: Array = np.log(values)
    return out


def _labels(source: Any, y: Array, weights: Array | None, arguments: Any) -> Array:
    """The labels of 0 and 1, or the numbers that are labels, whole ones as such."""
    if source.labels is not None:
        from fastreg.linear_model.opening import labels_of

        return labels_of(source, y)
    seen = np.unique(y if weights is None else y[weights > 0.0])
    if y.ndim != 1 or len(seen) != 2:
        what = f"{arguments.file}: the target"
        raise ValueError(f"{what} has {len(seen)} different values, --family binomial needs two")
    whole = (y == np.round(y)).all() and np.abs(y).max() < 2.0**53
    return y.astype(np.int64) if whole else y


def fitted(arguments: Any, data: OffsetRows | StreamedRows) -> Any:
    """The model, of the strength that was given or that cross-validation chooses."""
    model = _model(arguments)
    data.fit(model)
    return model


def _model(arguments: Any) -> Any:
    import fastreg

    ratio = _RATIOS[arguments.model] if arguments.l1_ratio is None else arguments.l1_ratio
    options = {
        "fit_intercept": not arguments.no_intercept,
        "positive": arguments.positive,
        "tol": arguments.tol,
        "max_iter": arguments.max_iter,
    }
    given = {name: value for name, value in options.items() if value is not None}
    alpha = 1.0 if arguments.alpha is None else arguments.alpha
    if arguments.family == "poisson":
        if arguments.cv is not None:
            return fastreg.PoissonRegressorCV(cv=arguments.cv, l1_ratio=ratio, **given)
        return fastreg.PoissonRegressor(alpha=alpha, l1_ratio=ratio, **given)
    if arguments.cv is not None:
        return fastreg.LogisticRegressionCV(cv=arguments.cv, l1_ratios=[ratio], **given)
    C = 1.0 / alpha if alpha > 0.0 else np.inf
    return fastreg.LogisticRegression(C=C, l1_ratio=ratio, **given)


# ---------------------------------------------------------------- predict


def is_of_family(model: Any) -> bool:
    """Whether a model is of classes or counts."""
    from fastreg.linear_model.generalized import Generalized

    return isinstance(model, Generalized)


def check_predict(arguments: Any, model: Any) -> None:
    """ValueError if options of a prediction are not for this model."""
    name = type(model).__name__
    if arguments.classes and not hasattr(model, "classes_"):
        raise ValueError(f"--classes is for models of --family binomial, this is a {name}")
    if not is_of_family(model) and (arguments.offset or arguments.exposure):
        raise ValueError(f"--offset and --exposure are for other families, this is a {name}")
    if arguments.exposure and hasattr(model, "classes_"):
        raise ValueError(f"--exposure is for models of --family poisson, this is a {name}")
    check_offset(arguments)


def predictions(arguments: Any, model: Any, given: dict[str, Any]) -> tuple[str, str, int]:
    """(header, lines, rows): the probability of the second class, and the class; or the mean.

    `given` are options of reading the file.
    """
    z = _predictor(arguments, model, given)
    if not hasattr(model, "classes_"):
        with np.errstate(over="ignore"):
            return "prediction", _lines([np.exp(z)]), len(z)
    import scipy.special

    columns: list[Any] = [scipy.special.expit(z)]
    header = "probability"
    if arguments.classes:
        header, columns = "probability,class", [*columns, model.classes_[(z > 0.0).astype(int)]]
    return header, _lines(columns), len(z)


def _predictor(arguments: Any, model: Any, given: dict[str, Any]) -> Array:
    """(m,) log odds or log means of the rows of the file, block by block."""
    from fastreg.linear_model.opening import predict_source

    linear = model._linear()
    name = arguments.offset or arguments.exposure
    if not name:
        data = _source(arguments, model, given) if given else arguments.file
        return np.asarray(predict_source(model, data, linear))
    source = _source(arguments, model, given, target=name)

    def work(block: Any, row: int) -> list[Array]:
        rows = source.layout.check(block)
        return [linear(rows.X) + _offset(rows.Y[:, 0], arguments)]

    try:
        return np.concatenate(source.reduce(work, operator.add))
    except ValueError as error:
        raise ValueError(str(error).replace("Input y", f"column {name!r}")) from None


def _source(arguments: Any, model: Any, given: dict[str, Any], target: Any = None) -> Any:
    from fastreg.sources import read

    if not hasattr(model, "encoding_"):
        asked = ", ".join([*given, *([repr(target)] if target else [])])
        raise ValueError(f"{asked}: the model was not fitted to a table")
    lost = "error" if model.encoding_.missing == "drop" else None  # each row has a prediction
    return read(arguments.file, target, encoding=model.encoding_, missing=lost, **given)


def _lines(columns: list[Any]) -> str:
    """One line a row; the shortest digits that read back to the same number."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return stream.getvalue()
