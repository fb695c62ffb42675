"""A training loop written from scratch: forward, loss, backward, optimizer and metrics by hand."""

import keras


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = x_train[:384].reshape(-1, 64).astype("float32") / 16, y_train[:384]
    x_test = x_test.reshape(-1, 64).astype("float32") / 16

    inputs = keras.Input(shape=(64,), name="digits")
    x1 = keras.layers.Dense(24, activation="relu", kernel_regularizer=keras.regularizers.L1(1e-4))(inputs)
    x2 = keras.layers.Dense(24, activation="gelu")(x1)
    outputs = keras.layers.Dense(10, name="predictions")(x2)
    model = keras.Model(inputs=inputs, outputs=outputs)
    weights(model)

    optimizer = keras.optimizers.Adam(learning_rate=5e-3)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    train_acc_metric = keras.metrics.SparseCategoricalAccuracy()
    val_acc_metric = keras.metrics.SparseCategoricalAccuracy()
    record = {"loss": [], "accuracy": [], "val_accuracy": []}

    for _epoch in range(2):
        for start in range(0, len(x_train), 32):
            x_batch, y_batch = x_train[start : start + 32], y_train[start : start + 32]
            logits = model(x_batch, training=True)
            loss = loss_fn(y_batch, logits) + sum(model.losses)
            model.zero_grad()
            trainable_weights = model.trainable_weights[:]
            loss.backward()
            gradients = [v.value.grad for v in trainable_weights]
            optimizer.apply(gradients, trainable_weights)
            train_acc_metric.update_state(y_batch, logits)
            record["loss"].append(loss.item())
        record["accuracy"].append(float(train_acc_metric.result()))
        train_acc_metric.reset_state()

        val_acc_metric.update_state(y_test, model(x_test, training=False))
        record["val_accuracy"].append(float(val_acc_metric.result()))
        val_acc_metric.reset_state()
    return record
