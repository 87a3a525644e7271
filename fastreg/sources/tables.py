"""Tables: CSV, Parquet and Arrow files, folders of them, and frames, all read by pyarrow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastreg.sources import scan
from fastreg.sources.arrays import file_identity
from fastreg.sources.blocks import BLOCK_BYTES, Source
from fastreg.sources.encoding import Encoding, kind_of, numbers
from fastreg.sources.names import check_different, check_names, quoted
from fastreg.sources.rows import Block

Array = np.ndarray
FORMATS = {
    ".csv": "CSV", ".parquet": "Parquet", ".pq": "Parquet", ".arrow": "Arrow", ".feather": "Arrow",
}  # fmt: skip
_TEXT_BYTES = 1 << 24  # of a CSV file at a time
_MOST_BYTES = 4  # of float64 by byte of a CSV file: numbers of one digit and a comma
_CHUNK = 1 << 16  # rows that pyarrow decodes at a time


class Table(Source):
    """Rows of a table; features are its columns but for the target, the weights and `drop`.

    Parameters
    ----------
    data : path or paths of files, a folder of such, or a pandas, polars or pyarrow frame
    target : column or columns of y, or None to read features only
    weights : column of weights, or None
    drop : columns to leave out
    categories : columns to encode by level whatever they hold, or {column: levels}
    encoding : `Encoding` of an earlier read, in place of `categories`
    only : columns of numbers that are all the features, in their order, or None
    missing, unknown : see `Encoding`
    """

    def __init__(
        self,
        data: Any,
        target: str | Sequence[str] | None,
        weights: str | None = None,
        *,
        drop: Collection[str] = (),
        categories: Mapping[str, Any] | Collection[str] = (),
        encoding: Encoding | None = None,
        only: list[str] | None = None,
        missing: str | None = None,
        unknown: str | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._files, self._name, self.kind = _files_of(data)  # type: ignore[misc]
        self._data = _dataset(data, self._files, self._name, self.kind)
        self._targets = [target] if isinstance(target, str) else list(target or [])
        self._weight = weights
        self.flat, self.n_targets = not target or isinstance(target, str), len(self._targets) or 1
        features = self._features(encoding, only, drop)
        if encoding is None:
            encoding = self._encoding(features, categories, missing or "error", unknown or "error")
        else:
            encoding = Encoding(
                encoding.columns, missing or encoding.missing, unknown or encoding.unknown
            )
            encoding.check()
        self.encoding: Encoding = encoding
        self.feature_names = encoding.features
        self.n_features, self.is_sparse = len(self.feature_names), encoding.is_sparse
        schema = self._data.schema
        narrow = all(str(schema.field(column.name).type) == "float" for column in encoding.columns)
        self._dtype = np.float32 if narrow else np.float64
        self._width = 12 * encoding.entries + 4 if self.is_sparse else 8 * self.n_features
        self._rows = max(1, block_bytes // self._width)
        self._most = self._counted()
        self.n_rows = self._most if encoding.missing == "error" else None
        sizes = [Path(file).stat().st_size for file in self._files]
        self.n_bytes = sum(sizes) or None

    # ------------------------------------------------------------ columns

    def _features(
        self, encoding: Encoding | None, only: list[str] | None, drop: Collection[str]
    ) -> list[str]:
        """The columns that features are made of."""
        names = list(self._data.schema.names)
        check_different(names, self._name)
        aside = [*self._targets, *([self._weight] if self._weight else [])]
        if len({*aside, *drop}) < len(aside) + len(drop):
            raise ValueError("target, weights and drop must name different columns")
        if len(names) == 1 and re.search("[;\t|]", names[0]):
            raise ValueError(
                f"{self._name} has one column, {names[0]!r}: separate the values by commas"
            )
        check_names(names, [*aside, *drop], self._name, "column")
        self._check_numbers(aside)
        if encoding is not None or only is not None:
            self._check_numbers(only or [])
            wanted = only or [column.name for column in encoding.columns]  # type: ignore[union-attr]
            check_names(names, wanted, self._name, "column")
            return wanted
        features = [name for name in names if name not in {*aside, *drop}]
        if not features:
            raise ValueError(f"{self._name} has no feature column beside {quoted([*aside, *drop])}")
        return features

    def _check_numbers(self, names: Collection[str]) -> None:
        check_names(self._data.schema.names, names, self._name, "column")
        for name in names:
            kind = self._data.schema.field(name).type
            if kind_of(self._data.schema.field(name)) != "number":
                raise ValueError(f"{self._name}: column {name!r} holds {kind}; it must be numbers")

    def _encoding(
        self, features: list[str], categories: Any, missing: str, unknown: str
    ) -> Encoding:
        Encoding((), missing, unknown).check()
        categories = [categories] if isinstance(categories, str) else categories
        levels = dict(categories) if isinstance(categories, Mapping) else {}
        named = list(categories)
        check_names(features, named, self._name, "feature column")
        kinds = {name: kind_of(self._data.schema.field(name)) for name in features}
        kinds |= dict.fromkeys(named, "category")
        for name, kind in kinds.items():
            if not kind:
                what = self._data.schema.field(name).type
                raise ValueError(
                    f"{self._name}: column {name!r} holds {what}, not numbers, texts or dates; "
                    "leave it out with drop"
                )
        plain = missing != "indicator" and set(kinds.values()) == {"number"}
        batches = iter(()) if plain else self._batches(list(kinds))
        try:
            return scan.scan(batches, kinds, levels, missing, unknown)
        except ValueError as error:
            raise ValueError(f"{self._name}: {error}") from None

    def _needed(self) -> list[str]:
        aside = [*self._targets, *([self._weight] if self._weight else [])]
        return list(dict.fromkeys([*(column.name for column in self.encoding.columns), *aside]))

    # ------------------------------------------------------------ size

    def _counted(self) -> int | None:
        """The number of rows, where that is not another read of the whole."""
        if self.kind == "CSV":
            return None
        rows = guarded(self._name, self._data.count_rows, self.kind)
        if rows == 0:
            raise ValueError(f"{self._name} has no rows")
        return int(rows)

    @property
    def size(self) -> int | None:
        if self._most is not None:
            return self._width * self._most
        return None if self.n_bytes is None else _MOST_BYTES * self.n_bytes

    @property
    def identity(self) -> tuple[Any, ...]:
        files = [file_identity(Path(file)) for file in self._files]
        aside = (self._targets, self._weight, self.encoding.to_plain())
        return ("table", self.kind, self._rows, self._most, files, aside)

    # ------------------------------------------------------------ rows

    def blocks(self, first: int = 0) -> Iterator[Block]:
        number, columns = 0, self._needed()
        for place, batches in self._fragments(columns):
            row = 0
            for part in _rechunked(batches, self._rows):
                block = self._block(part, row, place) if number >= first else None
                row, number = row + part.num_rows, number + 1
                if block is not None:
                    yield block
        if number == 0:
            raise ValueError(f"{self._name} has no rows")

    def _block(self, part: Any, row: int, place: str) -> Block | None:
        size, numbered = part.nbytes, np.arange(row, row + part.num_rows)
        if self.encoding.missing != "error":
            kept = ~self._lost(part)
            if not kept.all():
                part, numbered = part.filter(_mask(kept)), numbered[kept]
        if part.num_rows == 0:
            return None
        block = Block(None, None, None, numbered, place, size)
        X = self.encoding.encode(part, block.row, self._dtype, self._advice)
        y = None
        if self._targets:
            y = np.column_stack([numbers(part.column(name)) for name in self._targets])
            y = np.ascontiguousarray(y[:, 0] if self.flat else y, np.float64)
        weights = None if self._weight is None else numbers(part.column(self._weight))
        return Block(X, y, weights, numbered, place, size)

    @property
    def _advice(self) -> str:
        if self._targets:
            return "missing='drop' leaves such rows out, missing='indicator' marks them"
        return "fill it, or fit with missing='indicator'"

    def _lost(self, part: Any) -> Array:
        """Rows without a target or weight, and with missing="drop" without a feature."""
        lost = np.zeros(part.num_rows, bool)
        for name in [*self._targets, *([self._weight] if self._weight else [])]:
            lost |= np.isnan(numbers(part.column(name)))
        return lost | self.encoding.is_lost(part) if self.encoding.missing == "drop" else lost

    def _batches(self, columns: list[str]) -> Iterator[Any]:
        for _, batches in self._fragments(columns):
            yield from batches

    def _fragments(self, columns: list[str]) -> Iterator[tuple[str, Iterator[Any]]]:
        """(file, its record batches) of each file."""
        for fragment in self._data.get_fragments():
            place = getattr(fragment, "path", None) or self._name
            yield place, self._read(fragment, place, columns)

    def _read(self, fragment: Any, place: str, columns: list[str]) -> Iterator[Any]:
        """Its record batches; the next is decoded when it is asked for."""
        batches = fragment.to_batches(
            schema=self._data.schema, columns=columns, batch_size=_CHUNK, batch_readahead=1,
            fragment_readahead=0, fragment_scan_options=_scan_options(self.kind),
        )  # fmt: skip
        while True:
            batch = guarded(place, lambda: next(batches, None), self.kind)
            if batch is None:
                return
            if batch.num_rows:
                yield batch


def _rechunked(batches: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows, `rows` at a time, whatever pieces they came in."""
    waiting: list[Any] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= rows:
            part = batch.slice(0, rows - count)
            yield _joined([*waiting, part])
            batch, waiting, count = batch.slice(rows - count), [], 0
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Any]) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches(parts)


def _mask(kept: Array) -> Any:
    import pyarrow as pa

    return pa.array(kept)


# ---------------------------------------------------------------- files


def _files_of(data: Any) -> tuple[list[str], str, str]:
    """(files, name, kind) of what is to be read; no files of a frame."""
    if hasattr(data, "columns") or hasattr(data, "column_names"):
        return [], "the frame", "frame"
    paths = [data] if not isinstance(data, list | tuple) else list(data)
    files = [str(file) for path in paths for file in _files_under(Path(path))]
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    kinds = {FORMATS[Path(file).suffix.lower()] for file in files}
    if len(kinds) > 1:
        raise ValueError(f"{name} mixes {' and '.join(sorted(kinds))} files: read one kind")
    return files, name, kinds.pop()


def _files_under(path: Path) -> list[Path]:
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in FORMATS]
        files = [file for file in files if not file.name.startswith(("_", "."))]
        if not files:
            raise ValueError(f"{path} has no file that ends in {', '.join(FORMATS)}")
        return files
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a table ends in {', '.join(FORMATS)}")
    return [path]


def _dataset(data: Any, files: list[str], name: str, kind: str) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.csv
        import pyarrow.dataset
    except ImportError:
        raise ImportError(f"{name}: reading it needs pyarrow: pip install 'fastreg[cli]'") from None
    if not files:
        return pa.dataset.dataset(_as_arrow(data))
    if kind == "CSV":
        found = guarded(name, lambda: pa.dataset.dataset(files, format=_csv({})), kind)
        fields = guarded(
            name, lambda: [(field.name, _widened(field)) for field in found.schema], kind
        )
        types = dict(fields)
        return pa.dataset.dataset(files, format=_csv(types))
    form = {"Parquet": "parquet", "Arrow": "ipc"}[kind]
    base = Path(name)
    options = {"format": form, "partitioning": "hive", "partition_base_dir": str(base)}
    found = guarded(name, lambda: pa.dataset.dataset(files, **options), kind)
    index = (found.schema.pandas_metadata or {}).get("index_columns", [])
    kept = [field for field in found.schema if field.name not in index]
    return found.replace_schema(pa.schema(kept)) if len(kept) < len(found.schema) else found


def _as_arrow(frame: Any) -> Any:
    import pyarrow as pa

    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        check_different(map(str, frame.columns), "the frame")
        return pa.Table.from_pandas(frame, preserve_index=False)
    return frame.to_arrow() if library == "polars" else frame


def _csv(types: dict[str, Any]) -> Any:
    import pyarrow as pa

    return pa.dataset.CsvFileFormat(
        read_options=pa.csv.ReadOptions(block_size=_TEXT_BYTES, use_threads=False),
        convert_options=pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True),
    )


def _widened(field: Any) -> Any:
    """The type of a column whose first rows alone are known: what looks whole may not stay so."""
    import pyarrow as pa

    kind = field.type
    return pa.float64() if pa.types.is_integer(kind) or pa.types.is_null(kind) else kind


def _scan_options(kind: str) -> Any:
    """Parquet by pieces: a row group of 100 columns and 10⁶ rows is 0.8 GB at once."""
    import pyarrow as pa

    if kind != "Parquet":
        return None
    return pa.dataset.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)


def guarded(place: str, load: Any, noun: str) -> Any:
    """load(), any fault of the content as one ValueError that names the file."""
    try:
        return load()
    except (PermissionError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{place} cannot be read as {noun}: {reason}") from error
