"""Every storage of X behind a handful of operations, and the one validator."""

# ruff: isort: off
# They register operations.
from fastreg.design import dense, dense_access, dense_columns, sparse  # noqa: F401

# ruff: isort: on
from fastreg.design.frames import feature_names
from fastreg.design.labels import classes_of, codes_of, of_one_type
from fastreg.design.matrix import (
    Design,
    as_design,
    first_nonfinite,
    full_columns,
    is_canonical,
    nonfinite_kind,
    nonfinite_message,
    transposed,
)
from fastreg.design.spreads import deviations, merge, spreads
from fastreg.design.vectors import as_target, as_vector, as_weights, counted

__all__ = [
    "Design",
    "as_design",
    "as_target",
    "as_vector",
    "as_weights",
    "classes_of",
    "codes_of",
    "counted",
    "deviations",
    "feature_names",
    "first_nonfinite",
    "full_columns",
    "is_canonical",
    "merge",
    "nonfinite_kind",
    "nonfinite_message",
    "of_one_type",
    "spreads",
    "transposed",
]
