"""A state of plain data with arrays in it as `.json`, a line an array, or uncompressed `.npz`.

`.json` has {"float64": [...]} in the place of an array. `.npz` has {"entry": "coef_"} there, the
array as the entry of that name, and the JSON text as the entry "model".
"""

from __future__ import annotations

import io
import json
import math
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from fastreg.persistence.arrays import NUMBERS, tagged_array

State = dict[str, Any]


def to_json(state: State) -> bytes:
    text = _lines(_without_arrays(state, None, ""), "")
    return text.encode(errors="backslashreplace") + b"\n"  # surrogates as JSON escapes them


def _lines(value: Any, margin: str) -> str:
    """An object a line an entry, a list on the line of its name."""
    if not isinstance(value, dict) or not value or _is_short(value):
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    entries = (
        f"{margin} {json.dumps(key, ensure_ascii=False)}: {_lines(each, margin + ' ')}"
        for key, each in value.items()
    )
    return "{\n" + ",\n".join(entries) + f"\n{margin}}}"


def _is_short(value: State) -> bool:
    """One entry that is no object: {"float64": [...]}."""
    return len(value) == 1 and not any(isinstance(each, dict) for each in value.values())


def from_json(content: bytes) -> Any:
    return _loads(content.decode())


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def to_npz(state: State) -> bytes:
    entries: State = {}
    text = json.dumps(_without_arrays(state, entries, ""), allow_nan=False, ensure_ascii=False)
    content, stream = text.encode(errors="backslashreplace"), io.BytesIO()
    np.savez(stream, model=np.frombuffer(content, dtype=np.uint8), **entries)
    return stream.getvalue()


def _without_arrays(value: Any, entries: State | None, path: str) -> Any:
    """Arrays as objects: of their numbers, or of their name among `entries`."""
    if isinstance(value, np.ndarray):
        if entries is None:
            return tagged_array(value)
        entries[path] = value
        return {"entry": path}
    if isinstance(value, list):
        return [_without_arrays(each, entries, f"{path}.{i}") for i, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    names = {key: _joined(path, key, tag=len(value) == 1) for key in value}
    return {key: _without_arrays(each, entries, names[key]) for key, each in value.items()}


def _joined(path: str, key: str, *, tag: bool) -> str:
    """The name of an entry: attributes go by their own, and tags, such as classes, by none."""
    if path in ("", "attributes"):
        return key
    return path if tag else f"{path}.{key}"


def from_npz(content: bytes) -> Any:
    with ZipFile(io.BytesIO(content)) as archive:
        if any(item.compress_type != ZIP_STORED for item in archive.infolist()):
            raise ValueError("its entries are compressed")  # they could be larger than the file
        names = set(archive.namelist())
        if "model.npy" not in names:
            raise ValueError("it was not written by fastreg.save_model")
        arrays = {name[:-4]: _array(name, archive.read(name)) for name in sorted(names)}
    text = arrays.pop("model")
    if text.dtype != np.uint8:
        raise ValueError(f"its text has dtype {text.dtype}")
    state = _loads(text.tobytes().decode())
    if isinstance(state, dict) and state.get("version") == 1:
        return state | {"arrays": arrays}
    return _with_arrays(state, arrays)


def _with_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Arrays in the places of their names."""
    if isinstance(value, list):
        return [_with_arrays(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"entry"}:
        if value["entry"] not in arrays:
            raise ValueError(f"its array {value['entry']!r} is missing")
        return arrays[value["entry"]]
    return {key: _with_arrays(each, arrays) for key, each in value.items()}


def _array(name: str, content: bytes) -> np.ndarray:
    """What an .npy file holds: no more than its own bytes, whatever shape it claims."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"{name} is of .npy version {version}")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.name not in NUMBERS or not dtype.isnative:
        raise ValueError(f"{name} has dtype {dtype}")
    start = stream.tell()
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {len(content) - start} bytes for shape {shape} of {dtype}")
    flat = np.frombuffer(content[start:] or b"\0" * dtype.itemsize, dtype)
    flat = flat[: math.prod(shape)]
    return (flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)).copy("C")
