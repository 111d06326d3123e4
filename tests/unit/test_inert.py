"""A pickle is read and never run: what real ones hold arrives; everything else is refused, and nothing happens."""

import ast
import builtins
import os
import pickle
import struct
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.attacks import inert
from core.errors import StoreError

PROTOCOLS = [2, 3, 4, 5]
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def dumped(value: Any, protocol: int = 4) -> bytes:
    return pickle.dumps(value, protocol=protocol)


def refused(data: bytes, match: str) -> None:
    with pytest.raises(StoreError, match=match) as caught:
        inert.loads(data, "poisons.pickle")
    text = str(caught.value)
    assert text.startswith("poisons.pickle ") and text.endswith(".") and len(text) < 400


@each_protocol
def test_plain_values_arrive(protocol: int) -> None:
    numbers = [1, -1, 255, 256, 70_000, 2**40, -(2**70), 0.5, None, True, False]
    texts = ["text", "ä" * 300, b"bytes" * 100]
    boxes = [(), [], {}, (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {"a": [{"b": (None,)}], "c": 1.5}, list(range(3000))]
    value = [numbers, texts, boxes]
    assert inert.loads(dumped(value, protocol), "file") == value


@each_protocol
def test_a_value_that_is_mentioned_twice_arrives_twice(protocol: int) -> None:
    word, numbers = "once", [1, 2]
    assert inert.loads(dumped([word, numbers, numbers, {word: numbers}], protocol), "file") == [
        "once", [1, 2], [1, 2], {"once": [1, 2]},
    ]  # fmt: skip


ARRAYS = [
    np.arange(5), np.arange(6, dtype=np.int32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype=">i2"), np.array([True, False]), np.array(7, dtype=np.uint8),
    np.linspace(0, 1, 5, dtype=np.float16), np.arange(12).reshape(3, 4)[:, ::2],
]  # fmt: skip


@each_protocol
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_arrive(protocol: int, array: np.ndarray) -> None:
    found = inert.loads(dumped([array], protocol), "file")[0]
    assert np.array_equal(found, array) and found.shape == array.shape and found.dtype == array.dtype.newbyteorder("=")


def test_an_empty_array_arrives_but_in_protocol_2_which_calls_python_for_no_bytes() -> None:
    empty = np.zeros((0, 3), np.float32)
    assert inert.loads(dumped(empty), "file").shape == (0, 3)
    refused(dumped(empty, 2), "asks for __builtin__.bytes")


@each_protocol
@pytest.mark.parametrize("number", [np.int64(-3), np.uint8(200), np.float32(0.25), np.bool_(True), np.float64(1e300)])
def test_numpy_numbers_arrive_as_numbers(protocol: int, number: Any) -> None:
    found = inert.loads(dumped((number,), protocol), "file")
    assert found == (number.item(),) and type(found[0]) is type(number.item())


@each_protocol
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_images_arrive_with_channels_first(protocol: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3) if mode == "RGB" else (5, 7), dtype=np.uint8)
    found = inert.loads(dumped([(Image.fromarray(pixels), 3)], protocol), "file")
    image, label = found[0]
    assert label == 3 and image.dtype == np.uint8 and image.shape == (3 if mode == "RGB" else 1, 5, 7)
    assert np.array_equal(image, pixels.transpose(2, 0, 1) if mode == "RGB" else pixels[None])


def test_what_numpy_and_pillow_called_things_before_is_still_understood() -> None:
    new = dumped(np.arange(3), 2)
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert new != old and inert.loads(old, "file").tolist() == [0, 1, 2]


# ---- hostile files


class Evil:
    """Unpickles by calling something."""

    def __init__(self, called: Any, *given: Any) -> None:
        self.called, self.given = called, given

    def __reduce__(self) -> Any:
        return self.called, self.given


def touch(path: Path) -> list[Evil]:
    """Ways to leave a file behind when unpickled."""
    command = f"touch {path}"
    return [
        Evil(os.system, command),
        Evil(subprocess.Popen, ["touch", str(path)]),
        Evil(eval, f"open({str(path)!r}, 'w')"),
        Evil(exec, f"open({str(path)!r}, 'w')"),
        Evil(builtins.open, str(path), "w"),
        Evil(getattr, os, "system"),
        Evil(np.save, str(path), np.zeros(1)),
        Evil(np.load, str(path)),
        Evil(OrderedDict, [("a", 1)]),
        Evil(bytes, 10),
        Evil(type, "Made", (), {}),
    ]


@pytest.mark.parametrize("protocol", [0, 1, *PROTOCOLS])
def test_no_call_is_ever_made(protocol: int, tmp_path: Path) -> None:
    left = tmp_path / "left"
    for evil in touch(left):
        if evil.called is getattr:
            evil.given = ("text", "upper")  # a module cannot be dumped
        for value in (evil, [evil], {"a": evil}, (1, [evil])):
            refused(dumped(value, protocol), "refused")
            assert not left.exists()
    pickle.loads(dumped(touch(left)[0], protocol))  # the files do what they say where somebody runs them
    assert left.exists()


def test_the_name_that_is_asked_for_is_named() -> None:
    refused(dumped(Evil(os.system, "true")), "asks for posix.system|asks for nt.system")
    refused(dumped(Evil(eval, "1")), "asks for builtins.eval")
    refused(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.", "a torch tensor: save it as a numpy array")


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # protocol 0
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
        b"\x80\x02]X\x02\x00\x00\x00os\x94\x93.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x80\x02K\x01K\x02R.",  # a number is called
        b"\x80\x02cnumpy\nndarray\n)R.",  # a name that may be mentioned and not called
        b"\x80\x02cPIL.Image\nImage\n)R.",
        b"\x80\x02cnumpy\ndtype\n)\x81.",  # a name that may be called and not made
        b"\x80\x02cnumpy\nndarray\n)\x81.",
        b"\x80\x02cPIL.Image\nopen\nX\x01\x00\x00\x00a\x85R.",
        b"\x80\x02]}b.",  # a list is given a state
        b"\x80\x02cPIL.Image\nImage\n)\x81}\x92.",  # NEWOBJ_EX
        b"\x80\x02\x82\x01.",  # an extension
        b"\x80\x02Q.",  # a persistent id
        b"\x80\x05\x97.",  # an outside buffer
        b"\x80\x04\x8f.",  # a set
        b"\x80\x020.",  # POP
        b"\x80\x02N2.",  # DUP
    ],
)
def test_every_other_instruction_is_refused_by_its_name(data: bytes) -> None:
    refused(data, "refused|damaged")


def test_a_state_cannot_be_smuggled_into_a_type_or_a_name() -> None:
    refused(b"\x80\x02cnumpy\nndarray\n}b.", "refused")
    kind = b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00%s\x89\x88\x87R."
    refused(kind % b"O8", "array of 'O8'")
    refused(kind % b"S4", "array of 'S4'")
    refused(kind % b"u1", "a name where a value belongs")
    refused(dumped(np.array([{}, []], dtype=object)), "array of 'O8'")
    refused(dumped(np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])), "array of 'V8'")
    refused(dumped(np.array(["text"])), "array of 'U4'")
    refused(dumped(np.array(["2020-01-01"], dtype="M8[D]")), "array of 'M8'")


def test_images_of_other_modes_and_kinds_are_refused() -> None:
    refused(dumped(Image.new("RGBA", (2, 2))), "mode 'RGBA'; legal are L, RGB")
    refused(dumped(Image.new("P", (2, 2))), "mode 'P'")
    state = [{}, "RGB", (2, 2), None, b"\0" * 12]

    def image(**other: Any) -> bytes:
        told = [
            other.get(name, value) for name, value in zip(("info", "mode", "size", "p", "data"), state, strict=True)
        ]
        return b"\x80\x04\x8c\x09PIL.Image\x8c\x05Image\x93)\x81" + dumped(told)[2:-1] + b"b."

    assert inert.loads(image(), "file").shape == (3, 2, 2)
    refused(image(data=b"\0" * 11), "11 bytes, which do not fit")
    refused(image(data="text"), "not numbers")
    refused(image(size=(2, 0)), "2 x 0 pixels")
    refused(image(size=(2**40, 1)), "pixels")
    refused(image(size=(-1, -1)), "pixels")
    refused(image(size=(2.0, 2)), "float x 2 pixels")
    refused(image(size=2), "damaged")
    refused(image(mode=["RGB"]), "damaged")
    refused(b"\x80\x04\x8c\x09PIL.Image\x8c\x05Image\x93)\x81.", "does not say what is in it")


def array(shape: Any, data: Any, code: str = "u1") -> bytes:
    """An array's pickle of protocol 2 with a state of our own."""
    start = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    kind = b"cnumpy\ndtype\nX\x02\x00\x00\x00" + code.encode() + b"\x89\x88\x87R"
    return start + b"(K\x01" + dumped(shape, 3)[2:-1] + kind + b"\x89" + dumped(data, 3)[2:-1] + b"tb."


def test_shapes_have_to_fit_their_bytes() -> None:
    assert inert.loads(array((2, 3), b"abcdef"), "file").tolist() == [[97, 98, 99], [100, 101, 102]]
    refused(array((2, 4), b"abcdef"), "6 bytes, which do not fit")
    refused(array((2**62, 2**62), b""), "impossible shape|do not fit")
    refused(array((-1, -6), b"abcdef"), "impossible shape")
    refused(array((10**9,) * 7 + (0,), b""), "impossible shape")
    refused(array((1,) * 9, b"a"), "impossible shape")
    refused(array([6], b"abcdef"), "impossible shape")
    refused(array((6.0,), b"abcdef"), "impossible shape")
    refused(array((6,), [1, 2, 3, 4, 5, 6]), "not numbers")
    refused(array((2,), b"ab", "f1"), "damaged")


def test_damaged_files_are_refused() -> None:
    good = dumped([(Image.new("RGB", (4, 4)), 1), np.arange(9)])
    for end in range(len(good)):
        refused(good[:end], "damaged")
    refused(b"", "damaged")
    refused(b"PK\x03\x04", "refused|damaged")
    refused(b"\x80\x04]]\x2e", "one value")
    refused(b"\x80\x04(]\x2e", "one value")
    refused(b"\x80\x04a.", "damaged")
    refused(b"\x80\x04}K\x01K\x02s.", "keys are not all text")
    refused(b"\x80\x04K\x01K\x02a.", "no list")
    refused(b"\x80\x04h\x05.", "damaged")
    refused(b"\x80\x04t.", "damaged")


def test_nothing_breaks_on_random_bytes() -> None:
    random = np.random.default_rng(0)
    good = bytearray(dumped([(Image.new("RGB", (4, 4)), 1), {"base indices": np.arange(9)}], 5))
    for _ in range(500):
        bad = bytearray(good)
        for place in random.integers(0, len(bad), 3):
            bad[place] = random.integers(256)
        try:
            inert.loads(bytes(bad), "file")
        except StoreError as error:
            assert str(error).startswith("file ")


# ---- size and depth


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    refused(b"\x80\x04" + b"]" * 20_000 + b"a" * 19_999 + b".", "nested deeper than")
    refused(b"\x80\x04]" + b"\x85" * 20_000 + b".", "nested deeper than")
    refused(b"\x80\x04" + b"(" * 1000 + b".", "nested deeper than")
    refused(b"\x80\x04]\x94h\x00a.", "nested deeper than")  # a list that holds itself
    nested: Any = 1
    for _ in range(inert.DEEPEST):
        nested = [nested]
    assert inert.loads(dumped(nested), "file") == nested
    refused(dumped([nested]), "nested deeper than")


def test_a_knot_of_references_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert, "MOST_VALUES", 10_000)
    laughs: Any = ["ha"] * 10
    for _ in range(6):
        laughs = [laughs] * 10
    data = dumped(laughs)
    assert len(data) < 400
    refused(data, "more than 10000 values")


def test_a_short_file_cannot_make_large_content_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert, "MOST_BYTES", 100_000)
    latin1 = b"X\x06\x00\x00\x00latin1\x86R"
    once = b"\x80\x02c_codecs\nencode\nX" + struct.pack("<I", 50_000) + b"a" * 50_000 + b"q\x00" + latin1
    assert inert.loads(once + b".", "file") == b"a" * 50_000
    refused(once + b"c_codecs\nencode\nh\x00" + latin1 + b".", "one value")
    refused(once + (b"c_codecs\nencode\nh\x00" + latin1) * 2 + b".", "unpacks to more than 100000 bytes")
    refused(b"\x80\x04" + b"N" * 100_000 + b".", "has 100003 bytes; at most 100000")


def test_the_number_of_instructions_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert, "MOST_INSTRUCTIONS", 100)
    refused(dumped(list(range(101))), "more than 100 instructions")


def test_a_length_that_no_file_has_is_refused_without_being_reserved() -> None:
    refused(b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.", "damaged")
    refused(b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"abc.", "damaged")


def test_the_reader_does_not_know_how_to_unpickle() -> None:
    tree = ast.parse(Path(inert.__file__).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "pickletools" in imported and not imported & {"pickle", "importlib", "builtins"}
    assert not called & {"eval", "exec", "getattr", "__import__"}
