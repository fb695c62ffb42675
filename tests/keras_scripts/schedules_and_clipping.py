"""Learning rate schedules, the three clippings, weight decay, Nesterov momentum, constraints."""

import keras


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:320].reshape(-1, 64).astype("float32") / 16, y_train[:320]
    schedules = keras.optimizers.schedules

    optimizers = {
        "exponential": keras.optimizers.SGD(
            schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.9, staircase=True), momentum=0.9, nesterov=True
        ),
        "cosine": keras.optimizers.AdamW(schedules.CosineDecay(0.01, decay_steps=20, alpha=0.1), weight_decay=0.02),
        "piecewise": keras.optimizers.RMSprop(
            schedules.PiecewiseConstantDecay([5, 12], [0.01, 0.005, 0.001]), momentum=0.5
        ),
        "clipnorm": keras.optimizers.SGD(0.5, clipnorm=0.2),
        "clipvalue": keras.optimizers.Adam(0.01, clipvalue=0.01),
        "global_clipnorm": keras.optimizers.Adagrad(0.1, global_clipnorm=0.3),
    }
    record = {}
    for name, optimizer in optimizers.items():
        model = keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(16, "tanh", kernel_constraint=keras.constraints.MaxNorm(1.5)),
                keras.layers.Dense(10),
            ]
        )
        weights(model)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        record[name] = model.fit(x_train, y_train, batch_size=32, epochs=2, shuffle=False, verbose=0).history["loss"]
        record[f"{name} rate"] = [float(model.optimizer.learning_rate)]
        assert int(model.optimizer.iterations) == 20
    return {"loss": record.pop("exponential"), **record}
