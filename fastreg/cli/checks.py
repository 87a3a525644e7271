"""Which options go together, told before anything is read."""

from __future__ import annotations

from typing import Any

from fastreg.cli.reading import STDIN
from fastreg.cli.values import UsageError


def check_fit(arguments: Any) -> None:
    """UsageError if options of a fit cannot be combined, or the target is not named."""
    from fastreg.sources.formats import FORMATS, suffix_of

    if arguments.l1_ratio is not None and arguments.model != "elasticnet":
        raise UsageError("--l1-ratio belongs to --model elasticnet: add that, or leave it out")
    if arguments.categories and arguments.levels:
        raise UsageError(
            "--categories and --levels are one or the other: name the values of each category"
        )
    if arguments.cv is not None and arguments.alpha is not None:
        raise UsageError("--alpha is what --cv chooses: give one of them")
    squares = arguments.family == "gaussian"
    if squares and arguments.cv is not None and arguments.model == "ridge" and arguments.positive:
        raise UsageError("--cv of --model ridge takes no --positive: --model elasticnet does")
    if squares and arguments.offset:
        raise UsageError(
            "--offset is for --family binomial or poisson: of squares subtract it from the target"
        )
    if arguments.family != "poisson" and arguments.exposure:
        raise UsageError("--exposure is for --family poisson: --offset adds a column as it is")
    check_offset(arguments)
    table = arguments.file == STDIN or suffix_of(arguments.file) in FORMATS
    if arguments.target is None and table:
        raise UsageError(f"{arguments.file}: name the column to predict with --target")


def check_offset(arguments: Any) -> None:
    """UsageError if both kinds of offset are given, or the file has no columns to name."""
    from fastreg.sources.formats import FORMATS, suffix_of

    name, file = arguments.offset or arguments.exposure, arguments.file
    if arguments.offset and arguments.exposure:
        raise UsageError("--exposure is an offset, its log: give --offset or --exposure")
    if name and file != STDIN and suffix_of(file) not in FORMATS and not file.is_dir():
        raise UsageError(f"{name!r} is to be a column of a table, and {file} is none")


def check_predict(arguments: Any, model: Any) -> None:
    """UsageError if options of a prediction are not for this model."""
    from fastreg.linear_model.generalized import Generalized

    name = type(model).__name__
    if arguments.classes and not hasattr(model, "classes_"):
        raise UsageError(f"--classes is for models of --family binomial, this is a {name}")
    if not isinstance(model, Generalized) and (arguments.offset or arguments.exposure):
        raise UsageError(f"--offset and --exposure are for other families, this is a {name}")
    if arguments.exposure and hasattr(model, "classes_"):
        raise UsageError(f"--exposure is for models of --family poisson, this is a {name}")
    check_offset(arguments)
