"""IDX files and the loaders of MNIST and Fashion-MNIST, on small files made here; once on the real ones."""

import gzip
import hashlib
import os
import struct
import tracemalloc

import numpy as np
import pytest

from glassnet.datasets import fashion_mnist, mnist
from glassnet.datasets.idx import FILES, IdxDataset, read_idx
from glassnet.errors import DataError, DownloadError

REAL_DATA = os.environ.get("GLASSNET_DATA")  # read here: the tests run without it


def idx_header(*shape, kind=8):
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


@pytest.fixture
def idx_file(tmp_path):
    def write(content, compress=True):
        path = tmp_path / "file.gz"
        path.write_bytes(gzip.compress(content) if compress else content)
        return path

    return write


def test_idx_array_has_the_shape_and_the_values_of_the_file(idx_file):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    read = read_idx(idx_file(idx_header(2, 3, 4) + values.tobytes()))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, values)


def test_idx_array_may_be_empty(idx_file):
    assert read_idx(idx_file(idx_header(0, 28, 28))).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (b"\0\0\x08", "3 bytes where the IDX header"),
        (idx_header(2, 3)[:9], "a header of 9 bytes instead of 12"),
        (idx_header(2, 3) + b"12345", "5 bytes of data; the header says 6"),
        (idx_header(2, 3) + b"1234567", "data go on after the array"),
        (idx_header(4, kind=13) + bytes(16), r"wrong magic number(?s:.*)received: 0x00000d01"),
        (b"\x01" + idx_header(4)[1:], "wrong magic number"),
        (b"PK\x03\x04 a zip file", "wrong magic number"),
        (idx_header(*[1] * 5) + b"1", "wrong magic number"),
    ],
)
def test_broken_idx_content_is_refused(idx_file, content, message):
    with pytest.raises(DataError, match=message):
        read_idx(idx_file(content))


def test_truncated_gzip_is_refused(idx_file):
    whole = gzip.compress(idx_header(1000) + np.random.default_rng(0).bytes(1000))
    with pytest.raises(DataError, match="truncated"):
        read_idx(idx_file(whole[:500], compress=False))


def test_damaged_gzip_is_refused(idx_file):
    whole = bytearray(gzip.compress(idx_header(1000) + np.random.default_rng(0).bytes(1000)))
    whole[500] ^= 255
    with pytest.raises(DataError, match=r"not a whole gzip file(?s:.*)CRC"):
        read_idx(idx_file(whole, compress=False))


def test_file_that_is_not_gzip_is_refused(idx_file):
    with pytest.raises(DataError, match=r"not a whole gzip file(?s:.*)fetch the file again"):
        read_idx(idx_file(b"<html>404 Not Found</html>", compress=False))


def test_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.gz: the file does not exist"):
        read_idx(tmp_path / "absent.gz")


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 4, (10**6, 1000), (5_000_000,)])
def test_header_larger_than_the_file_is_refused_before_memory_is_taken(idx_file, shape):
    path = idx_file(idx_header(*shape) + b"few")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="promises more data than the file can hold"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # gzip itself buffers 128 kB
    finally:
        tracemalloc.stop()


def test_gzip_bomb_costs_no_more_memory_than_its_header_says(idx_file):
    path = idx_file(idx_header(1000) + bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="data go on after the array"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("loader", "folder"), [(mnist, "mnist"), (fashion_mnist, "fashion-mnist"), (fashion_mnist, "fashion_mnist")]
)
@pytest.mark.parametrize("by_environment", [True, False])
def test_loader_finds_the_files_in_the_data_folder(loader, folder, by_environment, idx_folder, tmp_path, monkeypatch):
    arrays = idx_folder(f"data/{folder}")
    if by_environment:
        monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
        (x_train, y_train), (x_test, y_test) = loader.load_data()
    else:
        (x_train, y_train), (x_test, y_test) = loader.load_data(data_dir=tmp_path / "data")
    for read, file in zip((x_train, y_train, x_test, y_test), FILES, strict=True):
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, arrays[file])


def test_missing_file_in_the_data_folder_is_named_and_nothing_is_downloaded(idx_folder, tmp_path, monkeypatch, mirrors):
    idx_folder("data/small")
    (tmp_path / "data/small" / FILES[2]).unlink()
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "data"))
    small = IdxDataset("small", ("small",), (mirrors.url + "/",), dict.fromkeys(FILES, "0" * 64))
    with pytest.raises(DownloadError, match=rf"small: files are missing(?s:.*): +{FILES[2]} in .*small"):
        small.load(None)
    assert mirrors.requests == []


def test_without_a_data_folder_the_files_come_from_the_mirrors_and_stay_in_the_cache(
    idx_folder, tmp_path, mirrors, cache
):
    arrays = idx_folder("source")
    contents = {name: (tmp_path / "source" / name).read_bytes() for name in FILES}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    mirrors.files = {f"/b/{name}": content for name, content in contents.items()}
    small = IdxDataset("small", ("small",), (mirrors.url + "/a/", mirrors.url + "/b/"), sums)
    for _ in range(2):
        (x_train, _), (_, y_test) = small.load(None)
        np.testing.assert_array_equal(x_train, arrays[FILES[0]])
        np.testing.assert_array_equal(y_test, arrays[FILES[3]])
    assert [path for path, _ in mirrors.requests] == [f"/{m}/{name}" for name in FILES for m in "ab"]
    assert sorted(path.name for path in (cache / "small").iterdir()) == sorted(FILES)


def test_offline_and_absent_is_one_error_with_the_file_names_and_where_to_put_them(cache):
    mirrors = ("http://127.0.0.1:1/", "http://127.0.0.1:2/")
    with pytest.raises(DownloadError, match="small: the files are not on this computer") as failure:
        IdxDataset("small", ("small",), mirrors, dict.fromkeys(FILES, "0" * 64)).load(None)
    text = str(failure.value)
    assert all(part in text for part in (*FILES, *mirrors, str(cache / "small"), "GLASSNET_DATA"))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (FILES[0], idx_header(5, 8, 8) + bytes(320), r"wrong shape(?s:.*)\(N, 28, 28\)(?s:.*)\(5, 8, 8\)"),
        (FILES[1], idx_header(4) + bytes(4), "one label per image"),
        (FILES[3], idx_header(3) + b"\x01\x0a\x02", r"out of range(?s:.*)0 to 9(?s:.*)10"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(idx_folder, tmp_path, file, content, message):
    idx_folder("mnist")
    (tmp_path / "mnist" / file).write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=message):
        mnist.load_data(data_dir=tmp_path)


@pytest.mark.skipif(not REAL_DATA, reason="GLASSNET_DATA does not name the folder of the real files")
@pytest.mark.parametrize(
    ("loader", "train_sum", "test_sum"),
    [
        (mnist, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", "0fa7898d509279e4"),
        (fashion_mnist, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", "5b4141f0afbad91e"),
    ],
)
def test_real_files_have_the_published_counts_and_pixels(loader, train_sum, test_sum):
    (x_train, y_train), (x_test, y_test) = loader.load_data(data_dir=REAL_DATA)
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert hashlib.sha256(idx_header(*x_train.shape) + x_train.tobytes()).hexdigest() == train_sum
    assert hashlib.sha256(idx_header(*x_test.shape) + x_test.tobytes()).hexdigest().startswith(test_sum)
    if loader is mnist:
        zeros_and_ones = np.bincount(y_test)[:2]
        assert zeros_and_ones.sum() == 2115
        assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    else:
        assert set(np.bincount(y_train)) == {6000}
        assert set(np.bincount(y_test)) == {1000}
