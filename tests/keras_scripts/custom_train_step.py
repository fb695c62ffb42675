"""A train_step of one's own, in the form for the torch backend: zero_grad, backward, gradients, optimizer.apply."""

import keras


class CustomModel(keras.Model):
    def train_step(self, data):
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        loss.backward()
        trainable_weights = self.trainable_weights[:]
        gradients = [v.value.grad for v in trainable_weights]
        self.optimizer.apply(gradients, trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class OwnLossAndMetrics(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
        self.loss_fn = keras.losses.MeanSquaredError()

    def train_step(self, data):
        x, y, sample_weight = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.loss_fn(y, y_pred, sample_weight=sample_weight)
        loss.backward()
        trainable_weights = self.trainable_weights[:]
        self.optimizer.apply([v.value.grad for v in trainable_weights], trainable_weights)
        self.loss_tracker.update_state(loss)
        self.mae_metric.update_state(y, y_pred, sample_weight=sample_weight)
        return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        self.loss_tracker.update_state(self.loss_fn(y, y_pred))
        self.mae_metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae_metric]


def main(digits, weights):
    (x_train, y_train), _ = digits
    x_train, y_train = x_train[:300].reshape(-1, 64).astype("float32") / 16, y_train[:300].astype("float32")[:, None]

    inputs = keras.Input(shape=(64,))
    outputs = keras.layers.Dense(1)(keras.layers.Dense(16, activation="sigmoid")(inputs))
    model = CustomModel(inputs, outputs)
    weights(model)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    first = model.fit(x_train, y_train, epochs=2, batch_size=30, shuffle=False, verbose=0).history

    inputs = keras.Input(shape=(64,))
    own = OwnLossAndMetrics(inputs, keras.layers.Dense(1)(inputs))
    weights(own)
    own.compile(optimizer=keras.optimizers.Adagrad(0.05))
    second = own.fit(
        x_train, y_train, sample_weight=(y_train[:, 0] > 4) + 0.5, epochs=2, batch_size=30, shuffle=False, verbose=0
    ).history
    results = own.evaluate(x_train, y_train, verbose=0, return_dict=True)
    return {**first, **{f"own_{k}": v for k, v in second.items()}, "evaluated": [results["loss"], results["mae"]]}
