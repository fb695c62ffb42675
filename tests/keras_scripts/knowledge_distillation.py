"""Knowledge distillation: a small convnet learns from the soft answers of a larger one, by a compute_loss of its own."""

import keras


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher = teacher
        self.student = student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics, loss=student_loss_fn)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=False):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            keras.ops.softmax(teacher_pred / self.temperature, axis=1),
            keras.ops.softmax(y_pred / self.temperature, axis=1),
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def convnet(first, second, name):
    return keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            keras.layers.Conv2D(first, (3, 3), strides=(2, 2), padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.2),
            keras.layers.MaxPooling2D(pool_size=(2, 2), strides=(1, 1), padding="same"),
            keras.layers.Conv2D(second, (3, 3), strides=(2, 2), padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ],
        name=name,
    )


def main(digits, weights):
    (x_train, y_train), (x_test, y_test) = digits
    x_train, y_train = (x_train[:192].astype("float32") / 16)[..., None], y_train[:192]
    x_test, y_test = (x_test[:64].astype("float32") / 16)[..., None], y_test[:64]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    teacher, student = convnet(12, 16, "teacher"), convnet(4, 6, "student")
    weights(teacher)
    weights(student)
    teacher.compile(keras.optimizers.Adam(0.005), loss, metrics=[keras.metrics.SparseCategoricalAccuracy()])
    taught = teacher.fit(x_train, y_train, epochs=2, batch_size=32, shuffle=False, verbose=0).history
    teacher.trainable = False

    distiller = Distiller(student=student, teacher=teacher)
    distiller.compile(
        optimizer=keras.optimizers.Lion(1e-3),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=loss,
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.1,
        temperature=10,
    )
    history = distiller.fit(x_train, y_train, epochs=2, batch_size=32, shuffle=False, verbose=0).history
    tested = distiller.evaluate(x_test, y_test, verbose=0)
    return {**history, **{f"teacher_{key}": values for key, values in taught.items()}, "tested": tested}
