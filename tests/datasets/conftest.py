"""No test here sees the caller's data folder, cache or proxy; files and a local web server are made on the spot."""

import gzip
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    monkeypatch.setenv("GLASSNET_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "datasets"


def idx_bytes(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path):
    """A function that writes the four files of a small data set into a new folder and returns its arrays."""

    def write(name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(7)
        arrays = {}
        for part, count in (("train", 5), ("t10k", 3)):
            arrays[f"{part}-images-idx3-ubyte.gz"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            arrays[f"{part}-labels-idx1-ubyte.gz"] = rng.integers(0, 10, count, dtype=np.uint8)
        for file, array in arrays.items():
            (folder / file).write_bytes(gzip.compress(idx_bytes(array), mtime=0))
        return arrays

    return write


@dataclass
class Mirrors:
    """A web server on this machine. `files` maps a path to its bytes, `faults` a path to what goes wrong there."""

    url: str
    files: dict = field(default_factory=dict)
    faults: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)  # (path, Range header) in order


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirrors = self.server.mirrors
        mirrors.requests.append((self.path, self.headers["Range"]))
        fault, data = mirrors.faults.get(self.path), mirrors.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = 0
        if self.headers["Range"] and fault != "no range":
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            told = 0 if fault == "wrong range" else start
            self.send_header("Content-Range", f"bytes {told}-{len(data) - 1}/{len(data)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : start + 1000] if fault == "cut" else data[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.mirrors = Mirrors(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.mirrors
    server.shutdown()
    thread.join()
    server.server_close()
