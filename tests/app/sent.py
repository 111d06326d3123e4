"""Everything that a page sends to a browser, as text: figures and tables decoded, downloads as bytes, the address."""

import base64
import hashlib
import inspect
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

Files = dict[str, bytes]


def record_files(patch: pytest.MonkeyPatch) -> Files:
    """What pages offer for download from now on, by name; what is made only when asked for is asked for at once."""
    files: Files = {}

    def recorded(name: str) -> Any:
        original = getattr(MediaFileManager, name)
        bind = inspect.signature(original).bind

        def call(*args: Any, **more: Any) -> str:
            given = bind(*args, **more).arguments
            made = given["data_callable"]() if "data_callable" in given else given["path_or_data"]
            if given.get("file_name"):  # the others are pictures of the page
                files[given["file_name"]] = _bytes(made)
            return str(original(*args, **more))

        return call

    for name in ("add", "add_deferred"):
        patch.setattr(MediaFileManager, name, recorded(name))
    return files


def sent(page: AppTest, files: Files | None = None) -> list[str]:
    """Elements and blocks in their order, then the address, then the files: a line each, which starts with its kind."""
    lines = [f"{kind}: {json.dumps(content, sort_keys=True, default=str)}" for kind, content in elements(page)]
    lines.append(f"address: {json.dumps(dict(page.query_params), sort_keys=True, default=str)}")
    return lines + [f"file {name}: {_shown(content)}" for name, content in sorted((files or {}).items())]


def elements(page: AppTest) -> Iterator[tuple[str, Any]]:
    """Kind and decoded content of all elements and blocks, in their order."""
    for node in page._tree:
        proto = getattr(node, "proto", None)
        if proto is not None:
            yield node.type, _decoded(MessageToDict(proto))


RANDOM = {"deferredFileId"}
"""Fields that are drawn at random with every run of the script; what they stand for is among the files."""


def _decoded(value: Any) -> Any:
    """Arrays in base64 as lists, JSON in strings as what it says, Arrow tables as columns."""
    if isinstance(value, dict):
        if set(value) >= {"bdata", "dtype"}:
            return _array(value)
        return {name: _field(name, part) for name, part in value.items() if name not in RANDOM}
    return [_decoded(part) for part in value] if isinstance(value, list) else value


def _field(name: str, value: Any) -> Any:
    if name in ("spec", "json", "config") and isinstance(value, str):
        return _decoded(json.loads(value or "null"))
    if name == "data" and isinstance(value, str):
        raw = base64.b64decode(value, validate=False)
        try:
            return _columns(raw)
        except (pa.ArrowInvalid, OSError):
            return value
    return _decoded(value)


def _columns(raw: bytes) -> dict[str, Any]:
    table = pa.ipc.open_stream(raw).read_all()
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _array(value: dict[str, Any]) -> list[Any]:
    found = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    shape = [int(side) for side in re.findall(r"\d+", str(value.get("shape", "")))]
    return list(found.reshape(shape).tolist() if shape else found.tolist())


def _bytes(made: Any) -> bytes:
    content = made.read() if hasattr(made, "read") else made
    return content.encode() if isinstance(content, str) else bytes(content)


def _shown(content: bytes) -> str:
    """A file as text: what is in a zip without its times, what is not text as its fingerprint."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return json.dumps({name: _shown(archive.read(name)) for name in sorted(archive.namelist())})
    try:
        return content.decode()
    except UnicodeDecodeError:
        return hashlib.sha256(content).hexdigest()
