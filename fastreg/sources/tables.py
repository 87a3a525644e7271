"""Tables: CSV, Parquet and Arrow files, folders of them, and frames, all read by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastreg.sources import scan
from fastreg.sources.arrays import file_identity
from fastreg.sources.blocks import BLOCK_BYTES, Source
from fastreg.sources.columns import Options, reading
from fastreg.sources.encoding import Encoding
from fastreg.sources.names import check_different
from fastreg.sources.rows import Block

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
    """

    def __init__(
        self,
        data: Any,
        target: str | Sequence[str] | None,
        weights: str | None = None,
        options: Options = Options(),
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._files, self._name, self.kind = _files_of(data)  # type: ignore[misc]
        self._data = _dataset(data, self._files, self._name, self.kind)
        self._reading = reading(self._data.schema, self._name, target, weights, options, self._look)
        self.encoding: Encoding = self._reading.encoding
        self.feature_names = self.encoding.features
        self.n_features, self.is_sparse = len(self.feature_names), self.encoding.is_sparse
        self.n_targets, self.flat = len(self._reading.targets) or 1, self._reading.flat
        self.has_weights = weights is not None
        self._rows = max(1, block_bytes // self._reading.row_bytes)
        self._most = self._counted()
        self.n_rows = self._most if self.encoding.missing == "error" else None
        sizes = [Path(file).stat().st_size for file in self._files]
        self.n_bytes = sum(sizes) or None

    def _look(self, kinds: dict[str, str]) -> scan.Seen:
        fragments = self._fragments(list(kinds))
        return scan.look((batch for _, batches in fragments for batch in batches), kinds)

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
            return self._reading.row_bytes * self._most
        return None if self.n_bytes is None else _MOST_BYTES * self.n_bytes

    @property
    def identity(self) -> tuple[Any, ...]:
        files = [file_identity(Path(file)) for file in self._files]
        aside = (*self._reading.aside, self.encoding.to_plain())
        return ("table", self.kind, self._rows, self._most, files, aside)

    # ------------------------------------------------------------ rows

    def blocks(self, first: int = 0) -> Iterator[Block]:
        number = 0
        for place, batches in self._fragments(self._reading.needed):
            row = 0
            for part in _rechunked(batches, self._rows):
                block = self._reading.block(part, row, place) if number >= first else None
                row, number = row + part.num_rows, number + 1
                if block is not None:
                    yield block
        if number == 0:
            raise ValueError(f"{self._name} has no rows")

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
        types = guarded(name, lambda: {each.name: _widened(each) for each in found.schema}, kind)
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
