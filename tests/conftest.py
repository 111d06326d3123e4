"""What every test gets: a home folder of its own, no network beyond this machine, few threads, and tiny images.

Nothing of core is imported before it is needed: a test can still choose what core finds when it is imported.
"""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from core.datasets.base import ImageSet, Split

SESSION_HOME = pytest.StashKey[Path]()

# Threads that wait for each other crawl where something else wants a core. Libraries read these when imported.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_configure(config: pytest.Config) -> None:
    """One home folder for the session: never the user's, and shared so that the signs are drawn once."""
    config.stash[SESSION_HOME] = Path(tempfile.mkdtemp(prefix="poisonscope-tests-"))
    os.environ["POISONSCOPE_HOME"] = str(config.stash[SESSION_HOME])
    os.environ["POISONSCOPE_TRIAL"] = "off"  # in which arithmetic is found by rule, at no cost and always the same
    os.environ["POISONSCOPE_SHOWCASE"] = str(config.stash[SESSION_HOME] / "none")  # an empty store stays empty


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[SESSION_HOME], ignore_errors=True)


class NetworkBlocked(OSError):
    """A test tried to reach another machine. An OSError, because that is what code gets where there is no network."""


def _local(host: Any) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else host.decode()).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Connecting beyond the loopback interface, or asking for a name, raises `NetworkBlocked`."""

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _local(address[0]):
                raise NetworkBlocked(f"Tests have no network, and this one wants {address[0]!r}.")
            return original(self, address)

        return connect

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _local(host):
            raise NetworkBlocked(f"Tests have no network, and this one asks for {host!r}.")
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Numpy's global stream starts anew in every test; torch's is seeded where it is used (`core.seeds`)."""
    np.random.seed(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for one test."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("POISONSCOPE_HOME", str(folder))
    return folder


@pytest.fixture
def make_images() -> Callable[..., "ImageSet"]:
    """Draws a tiny `ImageSet`: every class is a blob of its own colour, somewhere on a noisy grey ground."""

    def make(classes: int = 4, per_class: int = 20, size: int = 16, channels: int = 3, seed: int = 0) -> "ImageSet":
        from core.datasets.base import ImageSet

        random = np.random.default_rng(seed)
        labels = np.tile(np.arange(classes), per_class)
        images = random.integers(90, 150, (len(labels), channels, size, size), dtype=np.uint8)
        # A colour per class by counting in binary; grey images tell classes apart by brightness.
        colours = np.stack([200 * (np.arange(classes) >> bit & 1) + 27 for bit in range(channels)], axis=1)
        if channels == 1:
            colours = np.linspace(0, 255, classes)[:, None]
        width = size // 3
        corners = random.integers(0, size - width + 1, (len(labels), 2))
        for image, label, (top, left) in zip(images, labels, corners, strict=True):
            image[:, top : top + width, left : left + width] = colours[label][:, None, None]
        names = tuple(f"class {label}" for label in range(classes))
        return ImageSet(images, labels.astype(np.int64), names, np.arange(len(labels), dtype=np.int64))

    return make


@pytest.fixture
def tiny(make_images: Callable[..., "ImageSet"]) -> "ImageSet":
    """Four classes of twenty 16x16 colour images, classes in turn: row r is of class r % 4."""
    return make_images()


@pytest.fixture
def tiny_split(make_images: Callable[..., "ImageSet"]) -> "Split":
    """`tiny` as a training set, and ten other images of each class as a test set."""
    from core.datasets.base import Split

    return Split(train=make_images(), test=make_images(per_class=10, seed=1), flip=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that Playwright is to start."""
    from tests.chromium import executable

    found = executable()
    assert found, "the browser tests need Chromium: `make test` installs it"
    return found
