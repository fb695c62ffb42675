"""PNG and PGM against files of another program and a filter written out byte by byte; export against a reader."""

import base64
import csv
import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from glassnet.datasets import export_images, read_image
from glassnet.datasets.csv import load_csv
from glassnet.datasets.png import encode_png
from glassnet.errors import ArgumentError, DataError, DTypeError, ShapeError

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}

# Made with Pillow 12: steps of 20 as grey; 20 i, 255 - 20 i, 10 i as RGB; the same through a palette (4 bits, 2 bits).
PILLOW_GREY = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAAAAACRn/EaAAAAF0lEQVR4nGNkEBERYQwQERFhCRAREQEACTgBW2nziVsAAAAASUVORK5CYII="
)
PILLOW_RGB = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAAF0lEQVR4nGNk+M8g8oYLglgCNmhg5wAA9zsMs1OzLxMAAAAASUVORK5CYII="
)
PILLOW_4_BITS = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADBAMAAABG2rP1AAAAJFBMVEUA/wAU6woo1xQ8wx5QryhkmzJ4hzyMc0agX1C0S1rIN2TcI261qw38"
    "AAAAEUlEQVR4nGNkVGJxUWJxUQIAA7IA+YbxCw0AAAAASUVORK5CYII="
)
STEPS = np.arange(12, dtype=np.uint8).reshape(3, 4)
STEPS_RGB = np.stack([20 * STEPS, 255 - 20 * STEPS, 10 * STEPS], axis=2)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, colour, rows, *, depth=8, interlace=0, palette=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    colours = chunk(b"PLTE", palette) if palette else b""
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours + data + chunk(b"IEND", b"")


def paeth(left, up, corner):
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def filtered(image, kind):
    """Every row behind its filter byte, filtered as the specification words it."""
    height, width, channels = image.shape
    rows = image.reshape(height, -1).astype(int)
    out = bytearray()
    for y in range(height):
        out.append(kind)
        for i in range(width * channels):
            left = rows[y, i - channels] if i >= channels else 0
            up = rows[y - 1, i] if y else 0
            corner = rows[y - 1, i - channels] if y and i >= channels else 0
            prediction = (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]
            out.append((rows[y, i] - prediction) % 256)
    return bytes(out)


@pytest.fixture
def image_file(tmp_path):
    def write(content):
        path = tmp_path / "image"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("file", "pixels"), [(PILLOW_GREY, 20 * STEPS), (PILLOW_RGB, STEPS_RGB), (PILLOW_4_BITS, STEPS_RGB)]
)
def test_png_of_another_program_is_read(image_file, file, pixels):
    np.testing.assert_array_equal(read_image(image_file(base64.b64decode(file))), pixels)


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("colour", [GREY, RGB])
def test_png_row_filters_are_undone(image_file, colour, kind):
    image = np.random.default_rng(kind).integers(0, 256, (6, 5, CHANNELS[colour]), dtype=np.uint8)
    image[:, 2:] = image[:, 2:] // 32 + 120  # smooth parts, where the Paeth filter has ties
    read = read_image(image_file(png(5, 6, colour, filtered(image, kind))))
    np.testing.assert_array_equal(read, image[..., 0] if colour == GREY else image)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_pixels_that_share_a_byte_are_stretched_to_255(image_file, depth):
    row = {1: 0b10110000, 2: 0b10010011, 4: 0b10010011}[depth]
    pixels = {1: [255, 0, 255, 255], 2: [170, 85, 0, 255], 4: [153, 51]}[depth]
    read = read_image(image_file(png(len(pixels), 1, GREY, bytes([0, row]), depth=depth)))
    assert read.tolist() == [pixels]


@pytest.mark.parametrize(
    ("colour", "pixel", "seen"),
    [
        (RGBA, (0, 0, 0, 0), [255, 255, 255]),
        (RGBA, (10, 20, 30, 255), [10, 20, 30]),
        (RGBA, (0, 100, 255, 51), [204, 224, 255]),
        (GREY_ALPHA, (0, 51), 204),
    ],
)
def test_png_transparency_is_laid_over_white(image_file, colour, pixel, seen):
    assert read_image(image_file(png(1, 1, colour, bytes([0, *pixel])))).tolist() == [[seen]]


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3)])
def test_png_written_is_a_valid_file_with_the_same_pixels(image_file, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    content = encode_png(image)
    width, height, depth, colour = struct.unpack(">IIBB", content[16:26])
    assert (width, height, depth, colour) == (5, 3, 8, RGB if shape[2:] == (3,) else GREY)
    np.testing.assert_array_equal(read_image(image_file(content)), image[..., 0] if shape == (3, 5, 1) else image)


SOUND = png(2, 2, GREY, bytes(6))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SOUND[:40], "truncated"),
        (SOUND[:-12], "truncated"),
        (SOUND[:20] + b"\xff" + SOUND[21:], "wrong checksum in chunk IHDR"),
        (SOUND[:8] + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "no image header"),
        (png(2, 2, GREY, bytes(5)), "less image data"),
        (png(2, 2, GREY, bytes(7)), "more image data"),
        (png(2, 2, GREY, b"\x05" + bytes(5)), "unknown row filter 5"),
        (png(2, 2, PALETTE, bytes(5) + b"\x02", palette=bytes(6)), "colour 2 of a palette of 2"),
        (png(2, 2, GREY, bytes(10), depth=16), r"16 bits per channel(?s:.*)plain 8-bit PNG"),
        (png(2, 2, GREY, bytes(6), interlace=1), "8 bits per channel, interlaced"),
        (png(0, 2, GREY, bytes(2)), "wrong image size"),
        (png(2**31, 2**31, GREY, b""), "wrong image size"),
        (SOUND.replace(chunk(b"IDAT", zlib.compress(bytes(6))), chunk(b"IDAT", b"junk")), "not a whole PNG"),
        (b"\xff\xd8\xff\xe0 jpeg", r"not a known image file(?s:.*)a JPEG file(?s:.*)save it as PNG"),
        (b"", "not a known image file"),
        (b"P5 2", "broken PGM header"),
        (b"P5 2 2 255\nabc", r"truncated(?s:.*)4 pixels(?s:.*)3"),
        (b"P5 2 2 65535\n" + bytes(8), "maximum of 1 to 255"),
        (b"P5 99999 99999 255\n", "this PGM image is not read"),
        (b"P2 2 1 255\n12 300", "no number from 0 to 255"),
        (b"P2 2 1 255\n12 x", "no number from 0 to 255"),
    ],
)
def test_broken_image_file_is_refused(image_file, content, message):
    with pytest.raises(DataError, match=message):
        read_image(image_file(content))


def test_png_bomb_costs_no_more_memory_than_its_header_says(image_file):
    path = image_file(png(100, 100, GREY, bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more image data than the header says"):
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"P5\n# a comment\n3 2\n16\n" + bytes(range(6)), b"P2 3 2 16\n0 1 2\n3 4 5\n"])
def test_pgm_is_read_binary_and_as_text(image_file, content):
    assert read_image(image_file(content)).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    return rng.integers(0, 17, (4, 8, 8), dtype=np.uint8), np.array([3, 1, 3, 0])


def test_exported_png_files_lie_by_label_and_are_stretched_to_white(images, tmp_path):
    x, y = images
    paths = export_images(x, y, tmp_path / "out", max_value=16)
    names = [path.relative_to(tmp_path / "out").as_posix() for path in paths]
    assert names == ["3/00000.png", "1/00001.png", "3/00002.png", "0/00003.png"]
    for path, image in zip(paths, x, strict=True):
        np.testing.assert_array_equal(read_image(path), np.floor(image * (255 / 16)))


def test_exported_pgm_files_keep_the_pixels_and_say_which_one_is_white(images, tmp_path):
    paths = export_images(images[0], None, tmp_path, "pgm", max_value=16)
    assert paths[2] == tmp_path / "00002.pgm"
    assert paths[2].read_bytes().startswith(b"P5\n8 8\n16\n")
    np.testing.assert_array_equal(read_image(paths[2]), images[0][2])


def test_exported_colour_images_are_read_back(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    paths = export_images(x, None, tmp_path)
    np.testing.assert_array_equal([read_image(path) for path in paths], x)


def test_exported_csv_has_a_header_and_is_what_load_csv_reads(images, tmp_path):
    x, y = images
    (path,) = export_images(x, y, tmp_path, "csv")
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert rows[0][:3] == ["label", "pixel0", "pixel1"]
    assert [int(cell) for cell in rows[2]] == [1, *x[1].ravel()]
    data = load_csv(path, "label")
    np.testing.assert_array_equal(data.x, x.reshape(4, 64))
    assert [data.schema.class_names[index] for index in data.y] == ["3", "1", "3", "0"]


def test_exported_csv_without_labels_has_pixels_only(images, tmp_path):
    (path,) = export_images(images[0], None, tmp_path, "csv")
    np.testing.assert_array_equal(np.loadtxt(path, delimiter=",", skiprows=1), images[0].reshape(4, 64))


@pytest.mark.parametrize("labelled", [True, False])
def test_exported_npz_holds_the_arrays(images, tmp_path, labelled):
    (path,) = export_images(images[0], images[1] if labelled else None, tmp_path, "npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == (["x", "y"] if labelled else ["x"])
        np.testing.assert_array_equal(arrays["x"], images[0])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"format": "pgn"}, ArgumentError, r"unknown format(?s:.*)did you mean 'png'"),
        ({"x": np.zeros((4, 8, 8), np.float32)}, DTypeError, r"expected: uint8(?s:.*)received: float32"),
        ({"x": np.zeros((4, 64), np.uint8)}, ShapeError, r"\(N, H, W\)(?s:.*)\(4, 64\)"),
        ({"x": np.zeros((4, 8, 8, 3), np.uint8), "format": "pgm"}, ShapeError, r"\(N, H, W, 1\)"),
        ({"y": np.zeros(3, int)}, ShapeError, "one integer label per image"),
        ({"y": np.array(["a", "b", "c", "d"])}, ShapeError, "one integer label per image"),
        ({"max_value": 15}, ArgumentError, r"wrong max_value(?s:.*)15; the largest pixel is 16"),
        ({"max_value": 256}, ArgumentError, "wrong max_value"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_a_file_is_written(images, tmp_path, change, error, message):
    arguments = {"x": images[0], "y": images[1], "folder": tmp_path / "out"} | change
    with pytest.raises(error, match=message):
        export_images(**arguments)
    assert not (tmp_path / "out").exists()
