"""Transfer learning with a convnet: a base trained on some classes, frozen under a new head, then fine-tuned."""

import keras
import numpy as np

WEIGHTS_FILE = "base.weights.h5" if keras.__name__ == "keras" else "base.weights.glassnet"


def make_base():
    inputs = keras.Input(shape=(8, 8, 1))
    x = keras.layers.ZeroPadding2D(1)(inputs)
    x = keras.layers.Conv2D(8, 3, use_bias=False, name="conv1")(x)
    x = keras.layers.BatchNormalization(momentum=0.7, name="bn1")(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="depthwise")(x)
    x = keras.layers.Conv2D(12, 1, use_bias=False, name="pointwise")(x)
    x = keras.layers.BatchNormalization(momentum=0.7, name="bn2")(x)
    outputs = keras.layers.ReLU(max_value=6)(x)
    return keras.Model(inputs, outputs, name="base")


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = (x_train[:400].astype("float32") / 16)[..., None], y_train[:400]
    small, large = y_train < 5, y_train >= 5

    base = make_base()
    source = keras.Sequential([base, keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(5, activation="softmax")])
    weights(source)
    source.compile("adam", "sparse_categorical_crossentropy")
    first = source.fit(x_train[small], y_train[small], batch_size=20, epochs=2, shuffle=False, verbose=0).history
    base.save_weights(WEIGHTS_FILE)

    base = make_base()
    head = keras.Sequential([base, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(8)])
    weights(head)
    base.load_weights(WEIGHTS_FILE)
    base.trainable = False
    inputs = keras.Input(shape=(8, 8, 1))
    x = base(inputs, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.0)(x)
    outputs = keras.layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    assert len(model.trainable_weights) == 2
    outputs_kernel = np.linspace(-1, 1, 12, dtype="float32")[:, None]
    model.layers[-1].set_weights([outputs_kernel, np.zeros(1, "float32")])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    x, y = x_train[large], (y_train[large] > 7).astype("float32")
    before = [w.copy() for w in base.get_weights()]
    frozen = model.fit(x, y, epochs=2, batch_size=20, shuffle=False, verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights()))

    base.trainable = True
    for layer in base.layers:
        if layer.name == "conv1" or isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # the statistics stay what they are, too
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    tuned = model.fit(x, y, epochs=2, batch_size=20, shuffle=False, verbose=0).history
    after = base.get_weights()
    moved = [not np.array_equal(old, new) for old, new in zip(before, after)]
    assert moved == [weight.name == "kernel" and "conv1" not in weight.path for weight in base.weights]
    return {
        "loss": first["loss"],
        "frozen": frozen["loss"],
        "tuned": tuned["loss"],
        "accuracy": tuned["binary_accuracy"],
    }
