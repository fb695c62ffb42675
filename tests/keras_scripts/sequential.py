"""The Sequential model: layers added and removed, weights made late, features taken from the middle."""

import keras


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, x_test = x_train[:512].astype("float32") / 16, x_test.astype("float32") / 16
    y_train = y_train[:512]

    model = keras.Sequential(name="digits")
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(32, activation="relu", name="hidden"))
    model.add(keras.layers.Dense(7, name="too_much"))
    model.pop()
    model.add(keras.layers.Dense(10, activation="softmax", name="classes"))
    assert not model.built
    assert len(model.layers) == 3

    model(x_train[:1])  # the weights are made when the first input shows its shape
    assert model.count_params() == 64 * 32 + 32 + 32 * 10 + 10
    assert [w.shape for w in model.get_weights()] == [(64, 32), (32,), (32, 10), (10,)]
    assert model.get_layer("hidden") is model.layers[1]
    model.summary(print_fn=lambda *line, **options: None)
    weights(model)

    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, batch_size=32, epochs=2, shuffle=False, verbose=0)
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=64, verbose=0)
    assert model.predict(x_test[:5], verbose=0).shape == (5, 10)

    started = keras.Sequential([keras.Input(shape=(8, 8)), keras.layers.Flatten(), keras.layers.Dense(4, name="four")])
    features = keras.Model(inputs=started.inputs, outputs=[layer.output for layer in started.layers])
    assert [part.shape for part in features([x_test[:3]])] == [(3, 64), (3, 4)]

    features = keras.Sequential([keras.Input(shape=(8, 8)), model.layers[0], model.get_layer("hidden")])
    longer = keras.Model(inputs=features.inputs, outputs=keras.layers.Dense(4)(features.outputs[0]))
    assert features(x_test[:3]).shape == (3, 32)
    assert longer([x_test[:3]]).shape == (3, 4)
    return {**history.history, "test_loss": [loss], "test_accuracy": [accuracy]}
