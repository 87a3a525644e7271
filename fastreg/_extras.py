"""Packages that an extra installs: an error names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def data_frame(columns: Mapping[str, Any], names: Sequence[str] | None = None) -> Any:
    """Make a pandas.DataFrame of columns, with names as its index.

    Raises
    ------
    ImportError
        pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("to_frame needs pandas: pip install 'fastreg[tables]'") from None
    return pd.DataFrame(columns, index=None if names is None else pd.Index(names, name="name"))
