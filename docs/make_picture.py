"""The README's picture, from a network that is really trained: `python docs/make_picture.py` writes docs/network.svg."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import glassnet as gn

PLUS, MINUS, INK = np.array([11, 99, 165]), np.array([194, 80, 10]), np.array([27, 31, 36])
WHITE = np.array([255, 255, 255])


def color(share: float, ink: np.ndarray) -> str:
    """White at 0, the ink at 1."""
    return "#" + "".join(f"{int(c):02x}" for c in WHITE + (ink - WHITE) * min(share, 1.0))


def tile(image: np.ndarray, x: float, y: float, cell: float, signed: bool) -> str:
    """An 8x8 image as squares; signed ones in blue (+) and orange (-)."""
    limit = np.abs(image).max() or 1.0
    parts = [f'<rect x="{x:g}" y="{y:g}" width="{8 * cell:g}" height="{8 * cell:g}" fill="#fff" stroke="#57606a"/>']
    for row, column in np.ndindex(8, 8):
        value = image[row, column] / limit
        if abs(value) > 0.04:
            ink = (PLUS if value > 0 else MINUS) if signed else INK
            at = f'x="{x + column * cell:g}" y="{y + row * cell:g}" width="{cell:g}" height="{cell:g}"'
            parts.append(f'<rect {at} fill="{color(abs(value), ink)}"/>')
    return "".join(parts)


def text(words: str, x: float, y: float, anchor: str = "start", size: int = 13) -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" fill="#1b1f24">{words}</text>'


def main() -> None:
    """Train 64-16-10 on the built-in digits and draw one digit on its way through the net."""
    gn.utils.set_random_seed(1)
    (x_train, y_train), (x_test, y_test) = gn.datasets.digits.load_data()
    model = gn.Sequential([
        gn.Input((8, 8)), gn.layers.Rescaling(1 / 16), gn.layers.Flatten(),
        gn.layers.Dense(16, "relu"), gn.layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.compile(gn.optimizers.Adam(0.003, weight_decay=0.1), "sparse_categorical_crossentropy")
    model.fit(x_train, y_train, epochs=40, verbose=0)
    index = int(np.flatnonzero(y_test == 3)[0])
    digit, kernel = x_test[index], model.layers[2].kernel.numpy()
    hidden = model[:3].predict(x_test[index : index + 1])[0]
    shares = model.predict(x_test[index : index + 1])[0]
    parts = [tile(digit / 16, 20, 86, 12, signed=False), text("one digit, 8 x 8", 68, 205, "middle")]
    for unit in range(16):
        x, y = 190 + (unit % 8) * 58, 62 + (unit // 8) * 84
        parts.append(tile(kernel[:, unit].reshape(8, 8), x, y, 6, signed=True))
        width = 48 * hidden[unit] / hidden.max()
        parts.append(f'<rect x="{x}" y="{y + 53}" width="{width:g}" height="7" fill="#0b63a5"/>')
    parts.append(text("what each of 16 hidden units looks for, and how strongly it answers", 418, 250, "middle"))
    parts.append(text("blue +, orange −", 418, 268, "middle", 12))
    for number, share in enumerate(shares):
        y = 52 + number * 18
        parts.append(text(str(number), 690, y + 11))
        parts.append(f'<rect x="706" y="{y}" width="{1 + 100 * share:g}" height="13" fill="#0b63a5"/>')
    parts.append(text(f"softmax: a {shares.argmax()}, {100 * shares.max():.1f} %", 750, 250, "middle"))
    label = (
        "A digit, the weights of 16 hidden units as pictures with their activations, and the ten output probabilities"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 290" role="img" aria-label="{label}" '
    body = "".join(parts)
    style = (
        'font-family="system-ui, sans-serif">'
        + f"<title>{label}</title>"
        + '<rect width="840" height="290" fill="#fff"/>'
    )
    Path(__file__).with_name("network.svg").write_text(head + style + body + "</svg>\n", encoding="utf-8")


if __name__ == "__main__":
    main()
