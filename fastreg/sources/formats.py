"""Files and frames as record batches of pyarrow, decoded when they are asked for.

One batch at a time, by the readers of each format: pyarrow's own scanner decodes ahead of whoever
is slower, up to 0.6 GB of it for 100 columns.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastreg.sources.names import check_different

FORMATS = {
    ".csv": "CSV", ".parquet": "Parquet", ".pq": "Parquet", ".arrow": "Arrow", ".feather": "Arrow",
}  # fmt: skip
_TEXT_BYTES = 1 << 24  # of a CSV file at a time
_PAGE_BYTES = 1 << 16  # of each column of a Parquet file, in place of the column's row group


@dataclass(frozen=True)
class Found:
    """What is to be read.

    name, kind : for messages
    files : none of a frame
    data : pyarrow data set of the files, or table
    schema : the columns, and the types that all files are read as
    """

    name: str
    kind: str
    files: list[str]
    data: Any
    schema: Any

    def count_rows(self) -> int | None:
        """The number of rows, None where that takes a read of all of them."""
        if self.kind == "CSV":
            return None
        if not self.files:
            return int(self.data.num_rows)
        return int(guarded(self.name, self.data.count_rows, self.kind))

    def parts(self, columns: list[str], rows: int) -> Iterator[tuple[str, Iterator[Any]]]:
        """(file, its batches of these columns, of about so many rows) of each file."""
        if not self.files:
            yield self.name, iter(self.data.select(columns).to_batches(max_chunksize=rows))
            return
        read = {"CSV": _read_csv, "Parquet": _read_parquet, "Arrow": _read_arrow}[self.kind]
        for fragment in self.data.get_fragments():
            yield fragment.path, self._guarded(fragment.path, read(self, fragment, columns, rows))

    def _guarded(self, place: str, batches: Iterator[Any]) -> Iterator[Any]:
        while True:
            batch = guarded(place, lambda: next(batches, None), self.kind)
            if batch is None:
                return
            if batch.num_rows:
                yield batch


def find(data: Any, texts: Collection[str] = ()) -> Found:
    """A path, paths, a folder of files or a frame; columns of a CSV file that are `texts` are read
    as such, with their leading zeros.

    Raises
    ------
    ValueError, ImportError
        There is no such file, it cannot be read, or pyarrow is missing.
    """
    if hasattr(data, "columns") or hasattr(data, "column_names"):
        _check_pyarrow("the frame")
        table = as_arrow(data)
        return Found("the frame", "frame", [], table, table.schema)
    paths = [data] if not isinstance(data, list | tuple) else list(data)
    files = [str(file) for path in paths for file in _files_under(Path(path))]
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    kinds = {FORMATS[Path(file).suffix.lower()] for file in files}
    if len(kinds) > 1:
        raise ValueError(f"{name} mixes {' and '.join(sorted(kinds))} files: read one kind")
    (kind,) = kinds
    _check_pyarrow(name)
    return Found(name, kind, files, *_dataset(name, kind, files, texts))


def files_of(path: Path) -> list[Path]:
    """The files that are read for a path: itself, of a folder its tables, of zarr all."""
    if not path.is_dir():
        return [path] if path.exists() else []
    files = sorted(path.rglob("*"))
    if path.suffix.lower() == ".zarr":
        return [file for file in files if file.is_file()]
    files = [file for file in files if file.suffix.lower() in FORMATS]
    return [file for file in files if not file.name.startswith(("_", "."))]


def _files_under(path: Path) -> list[Path]:
    if path.is_dir():
        files = files_of(path)
        if not files:
            raise ValueError(f"{path} has no file that ends in {', '.join(FORMATS)}")
        return files
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a table ends in {', '.join(FORMATS)}")
    return [path]


def _check_pyarrow(name: str) -> None:
    try:
        import pyarrow.csv
        import pyarrow.dataset
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise ImportError(f"{name}: reading it needs pyarrow: pip install 'fastreg[cli]'") from None


def as_arrow(frame: Any) -> Any:
    """A pyarrow table of a pandas, polars or pyarrow frame; ValueError if a column is mixed."""
    import pyarrow as pa

    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        check_different(map(str, frame.columns), "the frame")
        convert = functools.partial(pa.Table.from_pandas, frame, preserve_index=False)
        return guarded("the frame", convert, "a table")
    return frame.to_arrow() if library == "polars" else frame


def _dataset(name: str, kind: str, files: list[str], texts: Collection[str]) -> tuple[Any, Any]:
    """(data set, schema) of the files."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if kind == "CSV":
        form = ds.CsvFileFormat(**_csv_options(()))
        found = guarded(name, lambda: ds.dataset(files, format=form), kind)
        kept = guarded(name, lambda: [_widened(field, texts) for field in found.schema], kind)
        return found, pa.schema(kept)
    options = {"format": {"Parquet": "parquet", "Arrow": "ipc"}[kind], "partitioning": "hive"}
    base = {"partition_base_dir": name} if Path(name).is_dir() else {}
    found = guarded(name, lambda: ds.dataset(files, **options, **base), kind)
    schema = guarded(name, lambda: _unified(found), kind)
    index = (found.schema.pandas_metadata or {}).get("index_columns", [])
    return found, pa.schema([field for field in schema if field.name not in index])


def _unified(data: Any) -> Any:
    """The columns of all files, whole numbers in one and fractions in another as fractions."""
    import pyarrow as pa

    own = [data.schema, *(fragment.physical_schema for fragment in data.get_fragments())]
    return pa.unify_schemas([each.remove_metadata() for each in own], promote_options="permissive")


def _csv_options(schema: Any) -> dict[str, Any]:
    import pyarrow.csv as pc

    types = {field.name: field.type for field in schema}
    return {
        "read_options": pc.ReadOptions(block_size=_TEXT_BYTES, use_threads=False),
        "convert_options": pc.ConvertOptions(column_types=types, strings_can_be_null=True),
    }


def _widened(field: Any, texts: Collection[str]) -> Any:
    """A column whose first rows alone are known: what looks whole may not stay so."""
    import pyarrow as pa

    name, kind = field.name, field.type
    if name in texts:
        return pa.field(name, pa.string())
    whole = pa.types.is_integer(kind) or pa.types.is_null(kind)
    return pa.field(name, pa.float64() if whole else kind)


# ---------------------------------------------------------------- readers


def _read_csv(found: Found, fragment: Any, columns: list[str], rows: int) -> Iterator[Any]:
    import pyarrow.csv as pc

    options = _csv_options(found.schema)
    options["convert_options"].include_columns = columns
    with pc.open_csv(fragment.path, **options) as reader:
        yield from reader


def _read_parquet(found: Found, fragment: Any, columns: list[str], rows: int) -> Iterator[Any]:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    keys = ds.get_partition_keys(fragment.partition_expression)
    with pq.ParquetFile(fragment.path, pre_buffer=False, buffer_size=_PAGE_BYTES) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(rows, columns=there):
            yield _as_columns(batch, columns, keys, found.schema)


def _read_arrow(found: Found, fragment: Any, columns: list[str], rows: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.dataset as ds

    keys = ds.get_partition_keys(fragment.partition_expression)
    with pa.OSFile(fragment.path) as file:  # a map would count as memory of the process
        reader = pa.ipc.open_file(file)
        for i in range(reader.num_record_batches):
            yield _as_columns(reader.get_batch(i), columns, keys, found.schema)


def _as_columns(batch: Any, columns: list[str], keys: dict[str, Any], schema: Any) -> Any:
    """A batch with these columns, of the types of the schema: from the file, from the name of its
    folder, or missing."""
    import pyarrow as pa

    there, arrays = set(batch.schema.names), []
    for name in columns:
        kind = schema.field(name).type
        if name in there:
            array = batch.column(name)
            arrays.append(array if array.type == kind else array.cast(kind))
        elif name in keys:
            arrays.append(pa.repeat(pa.scalar(keys[name]), batch.num_rows).cast(kind))
        else:
            arrays.append(pa.nulls(batch.num_rows, kind))
    return pa.RecordBatch.from_arrays(arrays, names=columns)


def guarded(place: str, load: Any, noun: str) -> Any:
    """load(), any fault of the content as one ValueError that names the file."""
    try:
        return load()
    except (PermissionError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{place} cannot be read as {noun}: {reason}") from error
