"""A vision transformer: patches with positions through attention blocks, read by a flattened head."""

import keras
import numpy as np

PATCH, DIM = 2, 16


class Patches(keras.layers.Layer):
    """Squares of pixels as rows."""

    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        _, height, width, channels = keras.ops.shape(images)
        p = self.patch_size
        x = keras.ops.reshape(images, (-1, height // p, p, width // p, p, channels))
        x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return keras.ops.reshape(x, (-1, (height // p) * (width // p), p * p * channels))

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


class PatchEncoder(keras.layers.Layer):
    def __init__(self, num_patches, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_patches = num_patches
        self.projection = keras.layers.Dense(units=projection_dim)
        self.position_embedding = keras.layers.Embedding(input_dim=num_patches, output_dim=projection_dim)

    def call(self, patch):
        positions = keras.ops.expand_dims(keras.ops.arange(start=0, stop=self.num_patches, step=1), axis=0)
        return self.projection(patch) + self.position_embedding(positions)


def mlp(x, hidden_units, dropout_rate):
    for units in hidden_units:
        x = keras.layers.Dense(units, activation=keras.activations.gelu)(x)
        x = keras.layers.Dropout(dropout_rate)(x)
    return x


def create_vit_classifier():
    inputs = keras.Input(shape=(8, 8, 1))
    augmented = keras.layers.Normalization(mean=0.3, variance=0.14)(inputs)
    encoded_patches = PatchEncoder((8 // PATCH) ** 2, DIM)(Patches(PATCH)(augmented))
    for _ in range(2):
        x1 = keras.layers.LayerNormalization(epsilon=1e-6)(encoded_patches)
        attention_output = keras.layers.MultiHeadAttention(num_heads=2, key_dim=DIM // 2, dropout=0.0)(x1, x1)
        x2 = keras.layers.Add()([attention_output, encoded_patches])
        x3 = keras.layers.LayerNormalization(epsilon=1e-6)(x2)
        x3 = mlp(x3, hidden_units=[24, DIM], dropout_rate=0.0)
        encoded_patches = keras.layers.Add()([x3, x2])
    representation = keras.layers.LayerNormalization(epsilon=1e-6)(encoded_patches)
    representation = keras.layers.Flatten()(representation)
    features = mlp(representation, hidden_units=[24], dropout_rate=0.0)
    return keras.Model(inputs=inputs, outputs=keras.layers.Dense(10)(features))


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, x_test = (x_train[:192] / 16).astype("float32")[..., None], (x_test[:64] / 16).astype("float32")[..., None]

    patches = keras.ops.convert_to_numpy(Patches(PATCH)(x_train[:1]))
    assert np.array_equal(patches[0, 5].reshape(2, 2), x_train[0, 2:4, 2:4, 0])
    model = create_vit_classifier()
    weights(model)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=0.002, weight_decay=0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(5, name="top-5-accuracy"),
        ],
    )
    history = model.fit(
        x=x_train, y=y_train[:192], batch_size=32, epochs=2, shuffle=False, verbose=0,
        validation_data=(x_test, y_test[:64]),
    )  # fmt: skip
    return history.history
