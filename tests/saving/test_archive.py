"""A model file gives back what was written, bit for bit; a broken or hostile one gives one SavingError."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from glassnet.errors import SavingError
from glassnet.saving.archive import read_archive, read_config, write_archive
from glassnet.version import __version__

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]
SHAPES = [(), (0,), (1,), (7,), (0, 3), (3, 0, 2), (2, 3, 4), (1,) * 10]
HEADER = {"format": "glassnet", "format_version": 1, "written_by": __version__}


def random_bits(dtype, shape, seed=0):
    """Every bit pattern can occur, so floats include NaN with payloads, infinities, -0.0 and subnormals."""
    count = int(np.prod(shape))
    raw = np.random.default_rng(seed).bytes(count * np.dtype(dtype).itemsize)
    if dtype == "bool":
        return (np.frombuffer(raw, np.uint8) > 127).reshape(shape)
    return np.frombuffer(raw, dtype).reshape(shape)


def round_trip(tmp_path, arrays, config=None):
    write_archive(tmp_path / "m.glassnet", config or {}, arrays)
    return read_archive(tmp_path / "m.glassnet")


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# What is written comes back


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_shape_comes_back_bit_for_bit(tmp_path, dtype):
    arrays = {f"a{i}": random_bits(dtype, shape, seed=i) for i, shape in enumerate(SHAPES)}
    _, back = round_trip(tmp_path, arrays)
    assert back.keys() == arrays.keys()
    for name, array in back.items():
        assert same_bits(array, arrays[name])
        assert array.flags.writeable
        assert array.flags.c_contiguous


def test_uint64_and_int64_keep_their_extremes(tmp_path):
    arrays = {"seed": np.uint64(2**64 - 1), "low": np.array(-(2**63))}
    _, back = round_trip(tmp_path, arrays)
    assert [int(back[name]) for name in ("seed", "low")] == [2**64 - 1, -(2**63)]


@pytest.mark.parametrize("dtype", ["int16", "uint64", "float32", "float64"])
def test_byte_order_and_layout_do_not_reach_the_file_or_the_reader(tmp_path, dtype):
    plain = random_bits(dtype, (4, 6))
    big = np.dtype(dtype).newbyteorder(">")
    variants = [
        plain.astype(big),
        np.asfortranarray(plain),
        np.repeat(plain, 2, axis=1)[:, ::2],
        plain[::-1][::-1],
    ]
    write_archive(tmp_path / "plain", {}, {"w": plain})
    for variant in variants:
        _, back = round_trip(tmp_path, {"w": variant})
        assert same_bits(back["w"], plain)
        assert back["w"].dtype.isnative
        assert (tmp_path / "m.glassnet").read_bytes() == (tmp_path / "plain").read_bytes()


def test_plain_zip_json_and_numpy_read_the_file_without_glassnet(tmp_path):
    arrays = {"dense/kernel": random_bits("float32", (3, 2)), "step": np.array(7)}
    write_archive(tmp_path / "m.glassnet", {"rate": 0.1}, arrays)
    with zipfile.ZipFile(tmp_path / "m.glassnet") as archive:
        assert archive.namelist() == ["config.json", "arrays/dense/kernel.npy", "arrays/step.npy"]
        assert archive.testzip() is None
        for info in archive.infolist():  # nothing of this moment or this system is in the file
            assert (info.date_time, info.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
            assert (info.compress_type, info.external_attr) == (zipfile.ZIP_STORED, 0o644 << 16)
        assert json.loads(archive.read("config.json")) == {**HEADER, "rate": 0.1}
        for name, array in arrays.items():
            with archive.open(f"arrays/{name}.npy") as member:
                assert same_bits(np.lib.format.read_array(member, allow_pickle=False), array)


def test_a_file_packed_again_with_deflate_by_another_tool_is_read(tmp_path):
    array = random_bits("float64", (100, 5))
    stream = npy(array)
    path = pack(tmp_path, [("arrays/größe.npy", stream), ("config.json", config())], zipfile.ZIP_DEFLATED)
    settings, back = read_archive(path)
    assert settings == HEADER
    assert same_bits(back["größe"], array)


def test_config_comes_back_with_tuples_as_lists_and_numpy_scalars_as_numbers(tmp_path):
    written = {
        "classes": ["zero", "größe", "\ud800", "\n"],
        "shape": (None, 8, 8),
        "tiny": 5e-324,
        "third": 1 / 3,
        "big": 2**127,
        "flag": False,
        "numpy": [np.float32(0.1), np.int64(3), np.bool_(True), np.float64(0.5)],
        "nested": {"": {}},
    }
    expected = {**written, "shape": [None, 8, 8], "numpy": [float(np.float32(0.1)), 3, True, 0.5], **HEADER}
    back, _ = round_trip(tmp_path, {}, written)
    assert back == expected
    assert read_config(tmp_path / "m.glassnet") == expected
    assert [type(x) for x in back["numpy"]] == [float, int, bool, float]


def test_equal_content_gives_equal_bytes_in_whatever_order_it_came(tmp_path, monkeypatch):
    a, b = random_bits("float32", (3,)), random_bits("int8", (2, 2))
    write_archive(tmp_path / "first", {"x": 1, "y": {"p": 2, "q": 3}}, {"a": a, "b/c": b})
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_archive(tmp_path / "second", {"y": {"q": 3, "p": 2}, "x": 1}, {"b/c": b, "a": a})
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


# Memory


def peak_bytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_writing_copies_nothing_and_reading_takes_the_array_and_one_chunk(tmp_path):
    path, array = tmp_path / "m.glassnet", np.zeros((50, 2**18), np.float32)
    assert peak_bytes(lambda: write_archive(path, {}, {"w": array})) < 2**20
    assert peak_bytes(lambda: read_archive(path)) < array.nbytes + 4 * 2**20
    assert peak_bytes(lambda: read_config(path)) < 2**20


# What must not be written


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "C:/a", "a\nb", "a\0b", "\ud800", "x" * 1001, 3],
)
def test_unsafe_array_names_are_refused(tmp_path, name):
    with pytest.raises(SavingError, match=r"unsafe array name\n  expected: .*\n  received: .*\n  fix: "):
        write_archive(tmp_path / "m", {}, {name: np.zeros(1)})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("value", "received"),
    [
        (np.array([None]), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        (np.zeros(1, complex), "dtype complex128"),
        (np.zeros(1, "f4,i4"), r"dtype \[\("),
        (np.zeros(1, "M8[s]"), "dtype datetime64"),
        ([1.0, 2.0], "list"),
        (None, "NoneType"),
    ],
)
def test_other_types_of_array_are_refused_before_anything_is_written(tmp_path, value, received):
    with pytest.raises(SavingError, match=f"array 'w' has a type .*\n  expected: .*\n  received: {received}"):
        write_archive(tmp_path / "m", {}, {"a": np.zeros(1), "w": value})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"a": {"rates": [0.1, float("nan")]}}, r"config\['a'\]\['rates'\]\[1\] cannot be written as JSON"),
        ({"a": np.float32("inf")}, r"config\['a'\] cannot be written as JSON"),
        ({"a": np.zeros(2)}, r"received: ndarray"),
        ({"a": {1: 2}}, r"dict with str keys\n  received: dict \{1: 2\}"),
        ({"a": print}, "received: builtin_function_or_method"),
        ({"format": "mine"}, "reserved key 'format'"),
        ({"a": "x" * 2**24}, "config is too large"),
    ],
)
def test_a_config_that_json_cannot_hold_names_the_place(tmp_path, config, message):
    with pytest.raises(SavingError, match=message):
        write_archive(tmp_path / "m", config, {})
    assert os.listdir(tmp_path) == []


def test_a_config_that_contains_itself_is_refused(tmp_path):
    config = {}
    config["self"] = config
    with pytest.raises(SavingError, match="nested too deeply"):
        write_archive(tmp_path / "m", config, {})


def test_a_full_disk_or_a_missing_folder_is_one_saving_error_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.glassnet"
    write_archive(path, {"version": "old"}, {"w": np.zeros(3)})
    with pytest.raises(SavingError, match=r"cannot be written\n(.*\n)*  received: No such file or directory"):
        write_archive(tmp_path / "no" / "m", {}, {})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SavingError, match=r"cannot be written\n(.*\n)*  received: No space left on device"):
        write_archive(path, {"version": "new"}, {"w": np.ones(3)})
    assert read_config(path)["version"] == "old"
    assert os.listdir(tmp_path) == ["m.glassnet"]


# What must not be read


def config(**changes):
    return json.dumps({**HEADER, **changes}).encode()


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def raw_npy(header, data=b""):
    """A .npy stream whose header may be anything."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + data


def header(shape, dtype="<f4", fortran_order=False):
    return f"{{'descr': '{dtype}', 'fortran_order': {fortran_order}, 'shape': ({shape}), }}"


def pack(tmp_path, members, method=zipfile.ZIP_STORED):
    path = tmp_path / "bad.glassnet"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def patch_central_directory(path, member, **fields):
    """Let the table of contents claim something else about a member."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(member.encode()))
    for name, value in fields.items():
        form, offset = {"flags": ("<H", 8), "crc": ("<L", 16), "size": ("<L", 24), "offset": ("<L", 42)}[name]
        struct.pack_into(form, data, at + offset, value)
    path.write_bytes(data)


GOOD = ("arrays/w.npy", npy(np.arange(3.0)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([GOOD], "expected: a member config.json\n  received: only .*arrays/w.npy"),
        ([("config.json", b"")], "valid JSON in config.json\n  received: Expecting value"),
        ([("config.json", b"{'a': 1}")], "valid JSON in config.json"),
        ([("config.json", b"\xff\xfe{")], "valid JSON in config.json\n  received: .*decode"),
        ([("config.json", b"[" * 100_000)], "valid JSON in config.json"),
        ([("config.json", b'{"a": NaN}')], "received: 'NaN' is not a finite number"),
        ([("config.json", b'{"a": -Infinity}')], "received: '-Infinity' is not a finite number"),
        ([("config.json", b'{"a": 1e999}')], "received: '1e999' is not a finite number"),
        ([("config.json", b'{"a": 1, "a": 2}')], "received: a key stands twice"),
        ([("config.json", b"[1]")], '"format": "glassnet" in config.json\n  received: \\[1\\]'),
        ([("config.json", b"{}")], '"format": "glassnet" in config.json\n  received: None'),
        ([("config.json", config(format="\x1b[31mkeras"))], r"received: '\\x1b\[31mkeras'"),
        (
            [("config.json", config(format_version=True))],
            'positive integer "format_version"\n  received: True',
        ),
        ([("config.json", config(format_version=0))], 'positive integer "format_version"\n  received: 0'),
        (
            [("config.json", b" " * (2**24 + 1))],
            "too large to read safely\n  expected: at most 16,777,216 bytes",
        ),
        ([GOOD, ("config.json", config()), ("readme.txt", b"")], "received: a member 'readme.txt'"),
        ([GOOD, ("config.json", config()), ("arrays/", b"")], "received: a member 'arrays/'"),
        ([("config.json", config()), ("arrays/../../w.npy", b"")], "received: a member 'arrays/../../w.npy'"),
        ([("config.json", config()), ("/arrays/w.npy", b"")], "received: a member '/arrays/w.npy'"),
        ([("config.json", config()), ("arrays/w.pkl", b"")], "received: a member 'arrays/w.pkl'"),
    ],
)
def test_a_wrong_table_of_contents_or_config_is_refused(tmp_path, members, message):
    with pytest.raises(SavingError, match=message) as caught:
        read_archive(pack(tmp_path, members))
    labels = [line.split()[0] for line in str(caught.value).splitlines()[1:]]
    assert labels == ["expected:", "received:", "fix:"]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", r"damaged or incomplete\n(.*\n)*  received: 10 bytes are missing"),
        (b"\x94" + npy(np.arange(3.0))[1:], "another header"),
        (npy(np.arange(3.0)).replace(b"\x01\x00", b"\x02\x00", 1), "another header"),
        (raw_npy(header("1,", "|O"), b"x" * 8), "another header"),
        (raw_npy(header("1,", "|O8"), b"x" * 8), "another header"),
        (raw_npy(header("1,", "<c8"), b"x" * 8), "received: dtype '<c8'"),
        (raw_npy(header("1,", fortran_order=True), b"x" * 4), "another header"),
        (raw_npy("__import__('os')._exit(1)"), "another header"),
        (raw_npy("-" * 60_000 + "1"), "another header"),
        (raw_npy(header("-1,")), "another header"),
        (raw_npy(header("9" * 20 + ",")), "another header"),
        (raw_npy(header("9,")), r"expected: 0 bytes.*\n  received: shape \(9,\) of float32, 36 bytes"),
        (
            raw_npy(header("1,"), b"x" * 8),
            r"expected: 8 bytes.*\n  received: shape \(1,\) of float32, 4 bytes",
        ),
        (raw_npy(header("1000000000000, 1000000")), "4,000,000,000,000,000,000 bytes"),
        (raw_npy(header("0, " + "9" * 19)), "too large to read safely\n  expected: arrays that fit"),
        (raw_npy(header("1," * 65), b"x" * 4), "too large to read safely\n  expected: arrays that fit"),
        (raw_npy(header("2,", "|b1"), b"\1\2"), "bytes 0 and 1 in the bool array"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wrong_array_member_is_refused_without_running_it_or_taking_memory(tmp_path, stream, message, method):
    path = pack(tmp_path, [("config.json", config()), ("arrays/w.npy", stream)], method)

    def read():
        with pytest.raises(SavingError, match=message):
            read_archive(path)

    assert peak_bytes(read) < 2**21


@pytest.mark.parametrize("read", [read_archive, read_config])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a glassnet model file\n(.*\n)*  received: an empty file"),
        (b"\x89HDF\r\n", r"starts with b'PK.*\n  received: a file that starts with b'.x89HDF'"),
        (b"PK\x03\x04" + bytes(100), "damaged or incomplete\n(.*\n)*  received: File is not a zip file"),
    ],
)
def test_what_is_not_a_zip_is_refused(tmp_path, read, content, message):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(SavingError, match=message):
        read(tmp_path / "bad")


@pytest.mark.parametrize("read", [read_archive, read_config])
def test_a_missing_file_and_a_folder_are_refused(tmp_path, read):
    with pytest.raises(SavingError, match=r"absent': cannot be read\n(.*\n)*  received: No such file"):
        read(tmp_path / "absent")
    with pytest.raises(SavingError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_archive, read_config])
@pytest.mark.parametrize(
    ("written_by", "message"),
    [
        ("9.2.0", f"this file needs glassnet >= 9.2.0; yours is {__version__}\n  expected: .* at most 1\n"),
        (None, f"this file needs glassnet newer than yours; yours is {__version__}\n"),
        ("\x1b[2J", f"this file needs glassnet newer than yours; yours is {__version__}\n"),
    ],
)
def test_a_file_of_a_newer_format_says_which_version_it_needs(tmp_path, read, written_by, message):
    newer = config(format_version=2, written_by=written_by)
    path = pack(tmp_path, [("config.json", newer), ("layout/of/the/future", b"")])
    with pytest.raises(SavingError, match=message):
        read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile's own warning while the bad file is made
@pytest.mark.parametrize("name", ["config.json", "arrays/w.npy"])
def test_duplicate_members_are_refused(tmp_path, name):
    path = pack(tmp_path, [("config.json", config()), GOOD, (name, b"other")])
    with pytest.raises(SavingError, match=f"each member once\n  received: '{name}' twice"):
        read_archive(path)


def test_other_compressions_and_encryption_are_refused(tmp_path):
    path = pack(tmp_path, [("config.json", config()), GOOD], zipfile.ZIP_BZIP2)
    with pytest.raises(SavingError, match="stored or deflated\n  received: compression method 12"):
        read_archive(path)
    path = pack(tmp_path, [("config.json", config()), GOOD])
    patch_central_directory(path, "arrays/w.npy", flags=1)
    with pytest.raises(SavingError, match=r"damaged or incomplete\n(.*\n)*  received: .*encrypted"):
        read_archive(path)


def test_sizes_beyond_max_bytes_are_refused_before_anything_is_unpacked(tmp_path):
    path = pack(tmp_path, [("config.json", config()), GOOD])
    total = len(config()) + len(GOOD[1])
    assert read_archive(path, max_bytes=total)[1]["w"].tolist() == [0, 1, 2]
    with pytest.raises(SavingError, match=rf"at most {total - 1} bytes unpacked .*\n  received: {total} bytes"):
        read_archive(path, max_bytes=total - 1)


def test_a_zip_bomb_with_honest_sizes_is_refused_by_its_ratio(tmp_path):
    bomb = raw_npy(header(f"{2**25},"), bytes(2**27))
    path = pack(tmp_path, [("config.json", config()), ("arrays/w.npy", bomb)], zipfile.ZIP_DEFLATED)

    def read():
        with pytest.raises(SavingError, match=r"at most 100 times the .* bytes of the file\n  received: 134,"):
            read_archive(path)

    assert peak_bytes(read) < 2**20


@pytest.mark.parametrize("member", ["config.json", "arrays/w.npy"])
def test_a_zip_bomb_with_false_sizes_is_not_unpacked_beyond_what_it_claims(tmp_path, member):
    honest = dict([("config.json", config()), GOOD])
    claimed = len(honest[member])
    bomb = [(name, data + bytes(2**26) * (name == member)) for name, data in honest.items()]
    path = pack(tmp_path, bomb, zipfile.ZIP_DEFLATED)
    patch_central_directory(path, member, size=claimed)

    def read():
        with pytest.raises(SavingError, match=r"damaged or incomplete\n(.*\n)*  received: Bad CRC-32"):
            read_archive(path)

    assert peak_bytes(read) < 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_that_holds_less_than_it_claims_is_refused(tmp_path, method):
    stream = raw_npy(header("5,"), bytes(12))
    path = pack(tmp_path, [("config.json", config()), ("arrays/w.npy", stream)], method)
    patch_central_directory(path, "arrays/w.npy", size=len(stream) + 8, crc=zlib.crc32(stream))
    with pytest.raises(SavingError, match="damaged or incomplete"):
        read_archive(path)


def test_a_wrong_checksum_is_refused(tmp_path):
    path = tmp_path / "m.glassnet"
    write_archive(path, {}, {"w": np.arange(3.0)})
    data = path.read_bytes()
    path.write_bytes(data.replace(np.float64(2).tobytes(), np.float64(3).tobytes()))
    with pytest.raises(SavingError, match=r"damaged or incomplete\n(.*\n)*  received: Bad CRC-32 for file 'arrays/w"):
        read_archive(path)


def test_a_broken_deflate_stream_is_refused(tmp_path):
    path = pack(tmp_path, [("config.json", config()), GOOD], zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[data.index(GOOD[0].encode()) + len(GOOD[0])] |= 0b110  # block type 3, which deflate does not have
    path.write_bytes(data)
    with pytest.raises(SavingError, match=r"damaged or incomplete\n(.*\n)*  received: Error -3 while decompressing"):
        read_archive(path)


def test_a_name_that_zipfile_would_cut_at_a_null_byte_is_refused(tmp_path):
    path = pack(tmp_path, [("config.json", config()), ("arrays/w.npy#evil", GOOD[1])])
    path.write_bytes(path.read_bytes().replace(b"npy#", b"npy\0"))
    with pytest.raises(SavingError, match=r"received: a member 'arrays/w.npy\\x00evil'"):
        read_archive(path)


def test_an_offset_beyond_every_file_is_refused(tmp_path):
    path = tmp_path / "bad"
    info = zipfile.ZipInfo("config.json")
    info.extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)  # zip64: the offset that is too large for its field
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, config())
    patch_central_directory(path, "config.json", offset=2**32 - 1)
    with pytest.raises(SavingError, match="damaged or incomplete"):
        read_config(path)


def test_a_file_cut_at_any_byte_is_refused(tmp_path):
    path = tmp_path / "m.glassnet"
    write_archive(path, {}, {"w": np.arange(3.0)})
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(SavingError):
            read_archive(path)


@pytest.mark.parametrize("flip", [0x01, 0x08, 0xFF])
def test_a_change_of_any_one_byte_is_refused_or_without_effect(tmp_path, flip):
    path = tmp_path / "m.glassnet"
    array = random_bits("float32", (2, 3))
    write_archive(path, {"units": 3}, {"größe/w": array})
    data = path.read_bytes()
    refused = 0
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :])
        try:
            settings, arrays = read_archive(path)
        except SavingError:
            refused += 1
        else:
            assert settings == {**HEADER, "units": 3}
            assert list(arrays) == ["größe/w"]
            assert same_bits(arrays["größe/w"], array)
    assert refused > len(data) // 2  # the rest is time stamps, permissions and padding that nobody reads
