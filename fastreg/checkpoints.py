"""Sums on disk: written whole or not at all, with a digest, and with how far they go."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from fastreg._files import write_whole

Array = np.ndarray


def write(path: Path, header: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write a header of plain data, and arrays of numbers, to an `.npz` file."""
    buffer = io.BytesIO()
    sealed = header | {"digest": _digest(header, arrays)}
    np.savez(buffer, header=np.array(json.dumps(sealed)), **arrays)  # type: ignore[arg-type]
    write_whole(path, buffer.getvalue())


def read(path: Path, kind: str, version: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `write` wrote; runs no code from the file.

    Raises
    ------
    ValueError
        The file is of another kind or version, incomplete or changed.
    OSError
        It cannot be read.
    """
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name] for name in file.files if name != "header"}
        if not isinstance(header, dict):
            raise ValueError("its header is no table")
        digest = header.pop("digest", None)
    except Exception as error:
        raise ValueError(f"{path} holds no {kind}: {error}") from None
    if header.get("format") != kind or header.get("version") != version:
        raise ValueError(f"{path} holds no {kind} of version {version}")
    if digest != _digest(header, arrays):
        raise ValueError(f"{path} is not sound: its content does not match its digest")
    return header, arrays


def _digest(header: dict[str, Any], arrays: dict[str, Array]) -> str:
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()
