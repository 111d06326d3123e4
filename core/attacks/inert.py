"""Reading a pickled list of plain values without running any of it.

A pickle is a program. This module never runs it: the standard library's disassembler says what its instructions are,
and a stack of plain values obeys the few that build containers, numbers, text, numpy arrays and PIL images. Whatever
asks for a name that is not in the short list below, or for an instruction that is not, is refused before the next one
is looked at. Nothing is imported, called or looked up on behalf of a file.
"""

import math
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.errors import StoreError

COMPONENT = False

MOST_BYTES = 512 * 2**20
MOST_INSTRUCTIONS = 4_000_000
MOST_VALUES = 2_000_000
DEEPEST = 12
"""Containers inside containers; a list of pairs of images needs four."""
LARGEST_SIDE = 4096
"""Of an image, in pixels."""
MOST_AXES = 8

CHANNELS = {"L": 1, "RGB": 3}
PLAIN = "only plain values, numpy arrays and PIL images are read, and nothing is ever run"


@dataclass(eq=False)
class _Name:
    """A name that the file mentions; it stays a name."""

    name: str


@dataclass(eq=False)
class _Type:
    """The element type of an array while it is put together."""

    code: str
    order: Literal["<", ">", "|", "="] = "="

    def numpy(self) -> np.dtype:
        return np.dtype(self.code).newbyteorder(self.order)


@dataclass(eq=False)
class _Array:
    """An array, whose content may come after it was mentioned."""

    content: np.ndarray | None = None


@dataclass(eq=False)
class _Image:
    """An image, whose content comes after it was mentioned."""

    content: np.ndarray | None = None


class _Refused(Exception):
    """Why a file is not read; the end of a sentence that its name begins."""


def loads(data: bytes, what: str) -> Any:
    """The value that a pickle describes, if it is made of nothing but plain values, arrays and images.

    Args:
        data: the file; protocols 2 to 5.
        what: what the file is called in an error.

    Returns:
        Lists, tuples, dicts with names for keys, numbers, text and bytes. Arrays of numbers are numpy's, and so are
        images: (c, h, w) uint8.

    Raises:
        StoreError: one sentence that names the file and what was found in it.
    """
    if len(data) > MOST_BYTES:
        raise StoreError(f"{what} has {len(data)} bytes; at most {MOST_BYTES} are read.")
    try:
        return _plain(_run(data), DEEPEST, [MOST_VALUES])
    except _Refused as refused:
        raise StoreError(f"{what} {refused}.") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise StoreError(f"{what} is damaged, or no pickle ({type(error).__name__}: {error!s:.100}).") from None


def _run(data: bytes) -> Any:
    """Obey the instructions; what is on top of the stack at the end."""
    machine = _Machine()
    for count, (instruction, argument, _place) in enumerate(pickletools.genops(data)):
        if count >= MOST_INSTRUCTIONS:
            raise _Refused(f"has more than {MOST_INSTRUCTIONS} instructions")
        if instruction.name == "STOP":
            break
        obey = _INSTRUCTIONS.get(instruction.name)
        if obey is None:
            raise _Refused(f"has the instruction {instruction.name}, which is refused: {PLAIN}")
        obey(machine, argument)
    if machine.marks or len(machine.stack) != 1:
        raise _Refused("is damaged: it leaves more or less than one value")
    return machine.stack[0]


class _Machine:
    """The stack, the stacks under it that a mark has put aside, and what was memorised."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.made = 0

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def top(self, count: int) -> list[Any]:
        """Take the `count` uppermost values off."""
        if len(self.stack) < count:
            raise _Refused("is damaged: an instruction lacks its values")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def mark(self, _: None) -> None:
        if len(self.marks) >= 4 * DEEPEST:
            raise _Refused(f"is nested deeper than {DEEPEST} containers")
        self.marks.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """Take everything above the last mark off, and the mark."""
        taken = self.stack
        self.stack = self.marks.pop()
        return taken

    def memorise(self, number: int | None) -> None:
        self.memo[len(self.memo) if number is None else number] = self.stack[-1]

    def remember(self, number: int) -> None:
        self.push(self.memo[number])

    def tuple_of(self, count: int) -> None:
        self.push(tuple(self.top(count)))

    def append(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise _Refused("is damaged: it appends to what is no list")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        names = values[::2]
        if not isinstance(self.stack[-1], dict) or len(values) % 2 or not all(isinstance(n, str) for n in names):
            raise _Refused("has a table whose keys are not all text")
        self.stack[-1].update(zip(names, values[1::2], strict=True))

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _Refused("is damaged: a name in it is no text")
        full = f"{module}.{name}"
        if full not in _CALLED and full not in _MADE and full != "numpy.ndarray":
            torch = " (a torch tensor: save it as a numpy array)" if full.startswith("torch.") else ""
            raise _Refused(f"asks for {full:.80}{torch}, which is refused: {PLAIN}")
        self.push(_Name(full))

    def call(self, _: None) -> None:
        """What the file wants called is answered from a table, by us."""
        called, given = self.top(2)
        answer = _CALLED.get(called.name) if isinstance(called, _Name) else None
        if answer is None or not isinstance(given, tuple):
            raise _Refused(f"calls what is not to be called, which is refused: {PLAIN}")
        self.push(answer(*given))
        self.count(self.stack[-1])

    def make(self, _: None) -> None:
        called, given = self.top(2)
        if not isinstance(called, _Name) or called.name not in _MADE or given != ():
            raise _Refused(f"makes an object that is not known, which is refused: {PLAIN}")
        self.push(_Image())

    def build(self, _: None) -> None:
        """Fill in what was made empty."""
        (state,) = self.top(1)
        thing = self.stack[-1]
        if isinstance(thing, _Type):
            thing.order = _byte_order(state)
        elif isinstance(thing, _Array):
            _version, shape, kind, by_columns, content = state
            thing.content = _array(content, kind, shape, "F" if by_columns else "C")
            self.count(thing)
        elif isinstance(thing, _Image):
            thing.content = _picture(*state[1:5])
            self.count(thing)
        else:
            raise _Refused(f"changes an object that is not known, which is refused: {PLAIN}")

    def count(self, thing: Any) -> None:
        """Refuse a short file that makes the same large content over and over."""
        if isinstance(thing, _Array | _Image) and thing.content is not None:
            self.made += thing.content.nbytes
        elif isinstance(thing, bytes):
            self.made += len(thing)
        if self.made > MOST_BYTES:
            raise _Refused(f"unpacks to more than {MOST_BYTES} bytes")


def _told(value: Any) -> str:
    """A value in an error: its beginning where it is text or a number, else only its kind."""
    return repr(value[:40]) if isinstance(value, str) else str(value) if type(value) is int else type(value).__name__


def _type(code: Any, *_: Any) -> _Type:
    if not isinstance(code, str) or not re.fullmatch(r"[biuf][1248]", code):
        raise _Refused(f"has an array of {_told(code)}; only whole numbers, fractions and booleans are read")
    return _Type(code)


def _byte_order(state: Any) -> Literal["<", ">", "|", "="]:
    """The byte order from what numpy tells about an element type; one with fields or shapes of its own is refused."""
    order, *special = state[1:5]
    if order not in ("<", ">", "|", "=") or special != [None, None, None]:
        raise _Refused("has an array of a made-up type; only whole numbers, fractions and booleans are read")
    return order


def _array(content: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    """An array from its bytes, copied; the shape has to fit them."""
    if not isinstance(content, bytes | bytearray) or not isinstance(kind, _Type) or order not in ("C", "F"):
        raise _Refused("has an array whose content is not numbers")
    if not isinstance(shape, tuple) or len(shape) > MOST_AXES or not all(map(_side, shape)):
        raise _Refused(f"has an array of the impossible shape {_told(shape)}")
    dtype = kind.numpy()
    if math.prod(shape) * dtype.itemsize != len(content):
        raise _Refused(f"has an array of shape {shape!r:.40} in {len(content)} bytes, which do not fit")
    return np.frombuffer(content, dtype).reshape(shape, order=order).astype(dtype.newbyteorder("="))


def _side(value: Any) -> bool:
    """Whether a value may be the length of an axis; the limit keeps the product of some of them a number."""
    return type(value) is int and 0 <= value <= MOST_BYTES


def _empty_array(kind: Any, *_: Any) -> _Array:
    if not isinstance(kind, _Name) or kind.name != "numpy.ndarray":
        raise _Refused(f"makes an array of an unknown kind, which is refused: {PLAIN}")
    return _Array()


def _scalar(kind: Any, content: Any) -> Any:
    return _array(content, kind, (), "C").item()


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> _Array:
    return _Array(_array(content, kind, shape, order))


def _encoded(text: Any, encoding: Any) -> bytes:
    """Bytes as protocol 2 spells them: text of as many letters."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused(f"has bytes in the encoding {_told(encoding)}; legal is latin1")
    return text.encode("latin-1")


def _picture(mode: Any, size: Any, _palette: Any, content: Any) -> np.ndarray:
    """(c, h, w) uint8 from a PIL image's own account of itself."""
    if mode not in CHANNELS:
        raise _Refused(f"has an image of mode {_told(mode)}; legal are {', '.join(CHANNELS)}")
    width, height = size
    if not (_side(width) and _side(height) and 1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise _Refused(f"has an image of {_told(width)} x {_told(height)} pixels; legal are 1 to {LARGEST_SIDE} a side")
    pixels = _array(content, _Type("u1"), (height, width, CHANNELS[mode]), "C")
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


_CALLED: dict[str, Callable[..., Any]] = {
    "numpy.dtype": _type,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
    "_codecs.encode": _encoded,
}
"""Names that a file may want called, and what we do instead."""

_MADE = ("PIL.Image.Image",)


def _instructions() -> Iterator[tuple[str, Callable[[_Machine, Any], None]]]:
    for name in ("PROTO", "FRAME"):
        yield name, lambda machine, _: None
    for name in (
        "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
        "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
    ):  # fmt: skip
        yield name, lambda machine, argument: machine.push(argument)
    yield "NONE", lambda machine, _: machine.push(None)
    yield "NEWTRUE", lambda machine, _: machine.push(True)
    yield "NEWFALSE", lambda machine, _: machine.push(False)
    yield "EMPTY_LIST", lambda machine, _: machine.push([])
    yield "EMPTY_DICT", lambda machine, _: machine.push({})
    yield "EMPTY_TUPLE", lambda machine, _: machine.push(())
    yield "MARK", _Machine.mark
    yield "TUPLE", lambda machine, _: machine.push(tuple(machine.marked()))
    yield "TUPLE1", lambda machine, _: machine.tuple_of(1)
    yield "TUPLE2", lambda machine, _: machine.tuple_of(2)
    yield "TUPLE3", lambda machine, _: machine.tuple_of(3)
    yield "APPEND", lambda machine, _: machine.append(machine.top(1))
    yield "APPENDS", lambda machine, _: machine.append(machine.marked())
    yield "SETITEM", lambda machine, _: machine.set_items(machine.top(2))
    yield "SETITEMS", lambda machine, _: machine.set_items(machine.marked())
    for name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
        yield name, _Machine.memorise
    for name in ("BINGET", "LONG_BINGET"):
        yield name, _Machine.remember
    yield "GLOBAL", lambda machine, argument: machine.name(*argument.split(" ", 1))
    yield "STACK_GLOBAL", lambda machine, _: machine.name(*machine.top(2))
    yield "REDUCE", _Machine.call
    yield "NEWOBJ", _Machine.make
    yield "BUILD", _Machine.build


_INSTRUCTIONS = dict(_instructions())
"""What is obeyed; every other instruction is refused by its name."""


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    """The finished value without any of our stand-ins; counts what it meets, so that a knot of references ends."""
    left[0] -= 1
    if left[0] < 0:
        raise _Refused(f"holds more than {MOST_VALUES} values")
    if isinstance(value, _Array | _Image):
        if value.content is None:
            raise _Refused("mentions an array or image and does not say what is in it")
        return value.content
    if isinstance(value, _Name | _Type):
        raise _Refused("has a name where a value belongs")
    if not isinstance(value, list | tuple | dict):
        return value
    if depth == 0:
        raise _Refused(f"is nested deeper than {DEEPEST} containers")
    if isinstance(value, dict):
        return {name: _plain(inner, depth - 1, left) for name, inner in value.items()}
    return type(value)(_plain(inner, depth - 1, left) for inner in value)
