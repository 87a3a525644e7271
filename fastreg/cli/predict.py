"""Run `fastreg predict`: write means, probabilities, scores or classes."""

from __future__ import annotations

import itertools
import operator
import sys
from typing import Any

import numpy as np

from fastreg.cli.checks import check_predict
from fastreg.cli.console import line
from fastreg.cli.families import offset_of
from fastreg.cli.lines import header, kept_columns, lines
from fastreg.cli.outputs import check_output
from fastreg.cli.reading import opened, reading
from fastreg.cli.values import UsageError
from fastreg.sources.complaints import ComplaintsError

Array = np.ndarray


def predict(arguments: Any) -> None:
    """Write the predictions of a saved model for the rows of a file."""
    from fastreg import persistence
    from fastreg._files import write_whole
    from fastreg.linear_model.generalized import Generalized

    if arguments.out:
        check_output(arguments.out, (".csv",), "--out", [arguments.file, arguments.model])
    model = persistence.load_model(arguments.model)
    check_predict(arguments, model)
    with opened(arguments.file) as arguments.file:
        kept = kept_columns(arguments, model)
        of = _of_family if isinstance(model, Generalized) else _of_squares
        names, columns = of(arguments, model)
        pieces = itertools.chain([header(kept, names)], lines(columns, kept))
        if arguments.out is None:
            sys.stdout.writelines(itertools.islice(pieces, 1, None))  # without the header
            return
        write_whole(arguments.out, (piece.encode() for piece in pieces))
    line(f"{len(columns[0])} predictions written to {arguments.out}")


def _of_squares(arguments: Any, model: Any) -> tuple[list[str], list[Array]]:
    """Return the names and the columns for a regression of squares."""
    given = _given(arguments)
    found = model.predict(_source(arguments, model, given) if given else arguments.file)
    k = 1 if model.coef_.ndim == 1 else len(model.coef_)
    names = ["prediction"] if k == 1 else [f"prediction_{t}" for t in range(k)]
    return names, list(found.reshape(len(found), k).T)


def _of_family(arguments: Any, model: Any) -> tuple[list[str], list[Array]]:
    """Return the names and the columns: means, or probabilities or scores, perhaps classes."""
    import scipy.special

    if len(getattr(model, "classes_", ())) > 2:
        return _of_classes(arguments, model)
    z = _predictor(arguments, model)
    if not hasattr(model, "classes_"):
        from fastreg.certificate import losses

        return ["prediction"], [losses.mean(model._loss, z)]
    likely = hasattr(model, "predict_proba")
    name, said = ("probability", scipy.special.expit(z)) if likely else ("score", z)
    if not arguments.classes:
        return [name], [said]
    return [name, "class"], [said, model.classes_[(z > 0.0).astype(int)]]


def _of_classes(arguments: Any, model: Any) -> tuple[list[str], list[Array]]:
    """Return the names and the columns of more than two classes: a probability or score of each."""
    given = _given(arguments)
    if arguments.offset or arguments.exposure:
        raise UsageError(
            f"--offset and --exposure are for one prediction a row, the model has "
            f"{len(model.classes_)} classes: leave them out"
        )
    data = _source(arguments, model, given) if given else arguments.file
    likely = hasattr(model, "predict_proba")
    said = model.predict_proba(data) if likely else model.decision_function(data)
    kind = "probability" if likely else "score"
    names, columns = [f"{kind}_{label}" for label in model.classes_.tolist()], list(said.T)
    if arguments.classes:
        return [*names, "class"], [*columns, model.classes_[said.argmax(axis=1)]]
    return names, columns


def _predictor(arguments: Any, model: Any) -> Array:
    """Compute log odds or log means (m,) of the rows of the file, in blocks."""
    from fastreg.linear_model.opening import predict_source

    linear, given = model._linear(), _given(arguments)
    name = arguments.offset or arguments.exposure
    if not name:
        data = _source(arguments, model, given) if given else arguments.file
        return np.asarray(predict_source(model, data, linear))
    source = _source(arguments, model, given, target=name)

    def work(block: Any, row: int) -> list[Array]:
        rows = source.layout.check(block)
        return [linear(rows.X) + offset_of(rows.Y[:, 0], arguments, block.row)]

    try:
        return np.concatenate(source.reduce(work, operator.add))
    except ComplaintsError:  # which names the columns
        raise
    except ValueError as error:
        raise ValueError(str(error).replace("Input y", f"column {name!r}")) from None


def _given(arguments: Any) -> dict[str, Any]:
    """Return the options of reading that differ from those of the fit."""
    unknown = {} if arguments.unknown is None else {"unknown": arguments.unknown}
    return reading(arguments) | unknown


def _source(arguments: Any, model: Any, given: dict[str, Any], target: Any = None) -> Any:
    """Open the file as in the fit, except for the given options."""
    from fastreg.sources import read

    if not hasattr(model, "encoding_"):
        flags = [f"--{name.replace('_', '-')}" for name in given]
        asked = ", ".join([*flags, *([repr(target)] if target else [])])
        raise UsageError(f"{asked}: the model was not fitted to a table, leave it out")
    lost = "error" if model.encoding_.missing == "drop" else None  # each row needs a prediction
    return read(arguments.file, target, encoding=model.encoding_, missing=lost, **given)
