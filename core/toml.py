"""Mappings as TOML text, which Python reads but does not write."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def text(content: Mapping[str, Any]) -> str:
    """TOML that is read back as the same mapping, but for entries that are None: TOML has no empty value.

    Args:
        content: texts, numbers, booleans, lists of these, and tables or lists of tables of the same.
    """
    return "\n".join(_table((), content)).strip() + "\n"


def _table(path: Path, content: Mapping[str, Any]) -> Iterator[str]:
    """Plain entries first: after the heading of an inner table they would belong to that."""
    inner = {key: value for key, value in content.items() if _is_table(value) or _are_tables(value)}
    for key, value in content.items():
        if key not in inner and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        heading = ".".join(map(_key, (*path, key)))
        tables, marks = ([value], "[{}]") if _is_table(value) else (value, "[[{}]]")
        for table in tables:
            yield from ("", marks.format(heading), *_table((*path, key), table))


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _are_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(map(_is_table, value))


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    raise TypeError(f"TOML cannot hold a {type(value).__name__}")
