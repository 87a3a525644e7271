"""The command line: `fastreg fit`, `fastreg predict`, `fastreg demo`, `fastreg warmup`.

Whatever is wrong with a file, a column, an option or a model is one line on stderr and
exit status 2, with nothing half written; an interrupt is exit status 130.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from fastreg.cli import families
from fastreg.cli.report import printable

_MODELS = {"ridge": "Ridge", "lasso": "Lasso", "elasticnet": "ElasticNet"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `argv` defaults to the process's own."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without "²" shows an escape for it
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
        with _warnings_as_lines():
            arguments.command(arguments)
            sys.stdout.flush()
        return 0
    except KeyboardInterrupt:
        print("fastreg: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, ImportError, MemoryError, ArithmeticError) as error:
        print(f"fastreg: error: {_in_words(error)}", file=sys.stderr)
        return 2


def _in_words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return printable(f"{where}{error.strerror.lower()}")
    if isinstance(error, MemoryError):
        return printable(f"not enough memory: {error}".removesuffix(": "))
    return printable(error)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Warnings meant for the user, such as ConvergenceWarning, as one line each."""

    def show(message: object, *_: object, **__: object) -> None:
        print(f"fastreg: warning: {printable(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = show
        yield


# ---------------------------------------------------------------- options


class _Parser(argparse.ArgumentParser):
    """Faults as ValueError, to be shown as every other fault."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> argparse.ArgumentParser:
    from fastreg import __version__

    parser = _Parser(prog="fastreg", description="Regularised regression with certified answers.")
    parser.add_argument("--version", action="version", version=f"fastreg {__version__}")
    commands = parser.add_subparsers(metavar="demo | fit | predict | warmup", required=True)
    _add_demo(commands.add_parser("demo", help="measure fastreg on this machine"))
    _add_fit(commands.add_parser("fit", help="fit a model to a file"))
    _add_predict(commands.add_parser("predict", help="apply a saved model to a file"))
    _add_warmup(commands.add_parser("warmup", help="compile the kernels beforehand"))
    return parser


def _add_warmup(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compile the kernels of all families, or of some, and keep them on disk: for images and "
        "CI. It takes minutes; what is there already takes seconds."
    )
    parser.add_argument("--family", nargs="+", choices=families.FAMILIES, help="all if not given")
    parser.add_argument("--processes", type=_at_least_one, metavar="N", help="as many as cores")
    parser.set_defaults(command=_warmup)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compare fastreg with NumPy and scikit-learn, and draw the result."
    parser.add_argument("--quick", action="store_true", help="5 000 × 50 instead of 200 000 × 500")
    parser.add_argument("--out", type=Path, default=Path("fastreg-demo.png"), metavar="FILE")
    parser.add_argument("--no-plot", action="store_true", help="tables only")
    parser.set_defaults(command=_demo)


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Fit a model to a CSV, Parquet, Arrow, NumPy, HDF5 or svmlight file, or to a folder of "
        "tables. Texts become a feature for each value, dates become days, months and weekdays."
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--target", metavar="NAME", help='column to predict; in .npz a key ("y")')
    parser.add_argument("--model", choices=_MODELS, default="ridge", help="ridge if not given")
    parser.add_argument(
        "--family", choices=families.FAMILIES, default="gaussian",
        help="binomial: a target of two values; poisson: counts",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", type=_nonnegative, help="strength, 1 if not given; of binomial 1/C"
    )
    parser.add_argument("--cv", type=_folds, metavar="K", help="choose alpha by K folds")
    parser.add_argument("--l1-ratio", type=_fraction, metavar="R", help="elasticnet: share of L1")
    parser.add_argument("--no-intercept", action="store_true", help="predict 0 at the origin")
    parser.add_argument("--positive", action="store_true", help="only coefficients ≥ 0")
    parser.add_argument("--tol", type=_nonnegative, help="relative duality gap to reach")
    parser.add_argument("--max-iter", type=_at_least_one, metavar="N", help="most iterations")
    parser.add_argument("--weights", metavar="NAME", help="column of sample weights")
    _add_offset(parser)
    parser.add_argument("--memory", type=_nonnegative, metavar="GB", help="of X, held at once")
    parser.add_argument("--drop", nargs="+", action="extend", default=[], metavar="COL")
    parser.add_argument("--categories", nargs="+", action="extend", default=[], metavar="COL")
    parser.add_argument("--missing", choices=("error", "drop", "indicator"))
    parser.add_argument("--standardize", action="store_true", help="numbers by their deviations")
    _add_reading(parser)
    parser.add_argument("--save", type=Path, metavar="OUT", help="model file, .npz or .json")
    parser.add_argument("--top", type=_count, default=20, metavar="K", help="coefficients shown")
    parser.set_defaults(command=_fit)


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = "Predict the rows of a file with a model that `fit --save` wrote."
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, metavar="CSV", help="write there, not to stdout")
    parser.add_argument("--classes", action="store_true", help="binomial: the class as well")
    _add_offset(parser)
    _add_reading(parser)
    parser.set_defaults(command=_predict)


def _add_offset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offset", metavar="COL", help="column added to log odds or log means")
    parser.add_argument("--exposure", metavar="COL", help="poisson: column whose log is added")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("texts and CSV files (to predict: as in the fit)")
    group.add_argument("--sep", metavar="C", help="what separates values")
    group.add_argument("--decimal", metavar="C", help="decimal point")
    group.add_argument("--thousands", metavar="C", help="what separates thousands in --numbers")
    group.add_argument("--comment", metavar="TEXT", help="lines that begin so are left out")
    group.add_argument("--charset", help="encoding of the text, utf-8 if not given")
    group.add_argument("--na-values", nargs="+", action="extend", metavar="TEXT")
    group.add_argument("--keep-default-na", type=_truth, metavar="true|false")
    group.add_argument("--numbers", nargs="+", action="extend", metavar="COL")
    group.add_argument("--date-format", nargs="+", action="extend", metavar="COL=FORMAT")


_READING = (
    "sep", "decimal", "thousands", "comment", "charset", "na_values", "keep_default_na", "numbers",
)  # fmt: skip


def _reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """Options of reading that are given, as `fastreg.read` takes them."""
    given = {name: getattr(arguments, name) for name in _READING}
    pairs = [text.partition("=") for text in arguments.date_format or ()]
    if not all(name and form for name, _, form in pairs):
        raise ValueError("--date-format must be COL=FORMAT, such as day=%d/%m/%Y")
    given["date_format"] = {name: form for name, _, form in pairs} or None
    return {name: value for name, value in given.items() if value is not None}


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, got {text!r}")
    return text == "true"


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be {what}, got {text!r}")
    return value


def _nonnegative(text: str) -> float:
    return _number(text, 0.0, math.inf, "a finite number ≥ 0")


def _fraction(text: str) -> float:
    return _number(text, 0.0, 1.0, "a number from 0 to 1")


def _integer(text: str, low: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if value < low:
        raise argparse.ArgumentTypeError(f"must be an integer ≥ {low}, got {text!r}")
    return value


def _at_least_one(text: str) -> int:
    return _integer(text, 1)


def _folds(text: str) -> int:
    return _integer(text, 2)


def _count(text: str) -> int:
    return _integer(text, 0)


def _check_output(path: Path, suffixes: Sequence[str], option: str, inputs: Sequence[Path]) -> None:
    """Whether `path` can be written later: known before an hour of work, not after it."""
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{option} {path}: the file must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise ValueError(f"{option} {path}: this is a folder")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{option} {path}: the folder {path.parent} is not writable")
    for source in inputs:
        _check_apart(path, source, option)


def _check_apart(path: Path, source: Path, option: str) -> None:
    """ValueError if `path` is what is read, by whatever name, or would be read with it."""
    from fastreg.sources.formats import FORMATS, files_of

    there = files_of(source)
    if path.exists() and any(path.samefile(file) for file in there):
        raise ValueError(f"{option} {path}: this would overwrite the input")
    folder = path.parent.resolve()
    inside = source.is_dir() and source.resolve() in (folder, *folder.parents)
    if inside and path.suffix.lower() in FORMATS:
        raise ValueError(f"{option} {path}: the folder {source} is read as one table: write beside")


# ---------------------------------------------------------------- commands


def _demo(arguments: argparse.Namespace) -> None:
    from fastreg.cli import demo

    if not arguments.no_plot:
        _check_output(arguments.out, (".png", ".pdf", ".svg"), "--out", ())
    demo.run(quick=arguments.quick, out=None if arguments.no_plot else arguments.out)


def _warmup(arguments: argparse.Namespace) -> None:
    from fastreg.warming import warmup

    for name, seconds in warmup(arguments.family, arguments.processes).items():
        print(f"{name:18s} {seconds:6.1f} s")


def _fit(arguments: argparse.Namespace) -> None:
    from fastreg import persistence
    from fastreg.cli import report
    from fastreg.cli.samples import sample

    if arguments.l1_ratio is not None and arguments.model != "elasticnet":
        raise ValueError("--l1-ratio belongs to --model elasticnet")
    families.check(arguments)
    families.check_offset(arguments)
    if arguments.save:
        _check_output(arguments.save, persistence.SUFFIXES, "--save", [arguments.file])
    source = _source(arguments)
    squares = arguments.family == "gaussian"
    data: Any = sample(source, arguments.cv) if squares else families.rows_of(source, arguments)
    start = time.perf_counter()
    model = _fitted(arguments, data) if squares else families.fitted(arguments, data)
    elapsed = time.perf_counter() - start
    content = {"path": arguments.file, "time": elapsed, "saved": arguments.save}
    if arguments.save:
        persistence.save_model(model, arguments.save)
    report.fit_report(model, data, top=arguments.top, **content)


def _source(arguments: argparse.Namespace) -> Any:
    from fastreg.sources import read
    from fastreg.sources.formats import FORMATS, suffix_of

    squares = arguments.family == "gaussian"
    if arguments.target is None and suffix_of(arguments.file) in FORMATS:
        raise ValueError(f"{arguments.file}: name the column to predict with --target")
    given = arguments.memory if squares or arguments.memory is not None else families.MEMORY
    held = {} if given is None else {"memory": int(given * 1e9)}
    return read(
        arguments.file, families.targets(arguments), weights=arguments.weights,
        drop=arguments.drop, categories=arguments.categories, missing=arguments.missing,
        standardize=arguments.standardize, labels=arguments.family == "binomial",
        progress=sys.stderr.isatty(), **held, **_reading(arguments),
    )  # fmt: skip


def _fitted(arguments: argparse.Namespace, data: Any) -> Any:
    """The model, of the alpha that was given or that cross-validation chooses."""
    import fastreg

    options = {
        "tol": arguments.tol,
        "max_iter": arguments.max_iter,
        "fit_intercept": not arguments.no_intercept,
        "positive": arguments.positive,
        "l1_ratio": arguments.l1_ratio,
    }
    given = {name: value for name, value in options.items() if value is not None}
    name = _MODELS[arguments.model]
    alpha = 1.0 if arguments.alpha is None else arguments.alpha
    if arguments.cv is not None:
        alpha = _chosen_alpha(arguments, data, given)
    model = getattr(fastreg, name)(alpha=alpha, **given)
    data.fit(model)
    return model


def _chosen_alpha(arguments: argparse.Namespace, data: Any, given: dict[str, Any]) -> float:
    import numpy as np

    import fastreg

    if arguments.alpha is not None:
        raise ValueError("--alpha is what --cv chooses: give one of them")
    if arguments.model == "ridge":
        if arguments.positive:
            raise ValueError("--cv of --model ridge takes no --positive")
        scale = data.n_rows * float(np.mean(data.deviations() ** 2)) or 1.0
        alphas = scale * np.geomspace(1e-8, 1e2, 101)
        own = {"alphas": alphas, "fit_intercept": given["fit_intercept"]}
    else:
        own = given
    chooser = getattr(fastreg, f"{_MODELS[arguments.model]}CV")(cv=arguments.cv, **own)
    data.fit(chooser)
    return float(chooser.alpha_)


def _predict(arguments: argparse.Namespace) -> None:
    from fastreg import persistence
    from fastreg._files import write_whole

    if arguments.out:
        _check_output(arguments.out, (".csv",), "--out", [arguments.file, arguments.model])
    model = persistence.load_model(arguments.model)
    families.check_predict(arguments, model)
    if families.is_of_family(model):
        header, lines, count = families.predictions(arguments, model, _reading(arguments))
    else:
        header, lines, count = _of_squares(model, _rows(arguments, model))
    if arguments.out is None:
        sys.stdout.write(lines)
        return
    write_whole(arguments.out, f"{header}\n{lines}".encode())
    print(f"{count} predictions written to {printable(arguments.out)}")


def _of_squares(model: Any, rows: Any) -> tuple[str, str, int]:
    """(header, lines, rows)."""
    predictions = model.predict(rows)
    k = 1 if model.coef_.ndim == 1 else len(model.coef_)
    header = "prediction" if k == 1 else ",".join(f"prediction_{t}" for t in range(k))
    return header, _prediction_lines(predictions), len(predictions)


def _rows(arguments: argparse.Namespace, model: Any) -> Any:
    """What is to be predicted: the file, read as in the fit but for what is given."""
    from fastreg.sources import read

    given = _reading(arguments)
    if not given:
        return arguments.file
    if not hasattr(model, "encoding_"):
        raise ValueError(f"{', '.join(given)}: the model was not fitted to a table")
    return read(arguments.file, encoding=model.encoding_, **given)


def _prediction_lines(predictions: Any) -> str:
    """One line a row; the shortest digits that read back to the same number."""
    rows = predictions.reshape(len(predictions), -1).tolist()
    return "".join(",".join(map(repr, row)) + "\n" for row in rows)
