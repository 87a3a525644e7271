"""A header and named float64 arrays as `.json` or as uncompressed `.npz`."""

from __future__ import annotations

import io
import json
import math
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from fastreg.persistence.chosen import CHOSEN
from fastreg.persistence.fitted import ARRAYS

State = dict[str, Any]
KNOWN = (*ARRAYS, *dict.fromkeys(key for keys in CHOSEN.values() for key in keys))


def to_json(header: State, arrays: dict[str, np.ndarray]) -> bytes:
    numbers = {key: _numbers(array.tolist()) for key, array in arrays.items()}
    return json.dumps({**header, "arrays": numbers}, allow_nan=False, indent=1).encode() + b"\n"


def _numbers(value: Any) -> Any:
    """Nested lists of floats with "inf" and "nan", for which JSON has no numbers, as text."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return value if math.isfinite(value) else repr(value)


def from_json(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    header = json.loads(content.decode())
    entries = header.get("arrays") if isinstance(header, dict) else None
    if not isinstance(entries, dict):
        return header, {}
    return header, {key: _float_array(key, entries[key]) for key in entries if key in KNOWN}


def _float_array(key: str, value: Any) -> np.ndarray:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{key} is not an array of numbers") from None


def to_npz(header: State, arrays: dict[str, np.ndarray]) -> bytes:
    text = np.frombuffer(json.dumps(header, allow_nan=False).encode(), dtype=np.uint8)
    entries: State = {"model": text, **arrays}
    stream = io.BytesIO()
    np.savez(stream, **entries)
    return stream.getvalue()


def from_npz(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    stream = io.BytesIO(content)
    archive = np.load(stream, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array, not a .npz archive")
    with archive:
        # Uncompressed, no entry can be larger than the file that was just read.
        if any(item.compress_type != ZIP_STORED for item in ZipFile(stream).infolist()):
            raise ValueError("its entries are compressed")
        if "model" not in archive:
            raise ValueError("it was not written by fastreg.save_model")
        arrays = {key: archive[key] for key in KNOWN if key in archive}
        text = archive["model"]
    for key, array in arrays.items():
        if array.dtype.kind != "f" or array.dtype.itemsize != 8:
            raise ValueError(f"{key} has dtype {array.dtype}, not float64")
    arrays = {key: np.array(array, np.float64, order="C") for key, array in arrays.items()}
    return json.loads(text.astype(np.uint8).tobytes().decode()), arrays
