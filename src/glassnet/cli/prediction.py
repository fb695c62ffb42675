"""What a kept run says about data: predictions, an explained step, a gradient check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd.state import phase
from glassnet.autograd.gradcheck import Report, check_gradients
from glassnet.cli import runs, sources
from glassnet.cli.render import side_by_side
from glassnet.datasets import CsvSchema
from glassnet.errors import ArgumentError, DataError
from glassnet.explain import explain_text
from glassnet.typing import Array

_MOST_ROWS = 20


@dataclass
class Predictions:
    """Outputs for some rows, and how to read them."""

    outputs: Array
    class_names: list[str] | None
    names: list[str]
    images: list[Array]
    truth: list[str]
    notes: list[str]

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        if self.class_names is None:
            return {"rows": [{"name": n, "value": float(v[0])} for n, v in zip(self.names, self.outputs)]}
        return {
            "rows": [
                {"name": n, "class": self.class_names[int(p.argmax())],
                 "probabilities": dict(zip(self.class_names, map(float, p)))}
                for n, p in zip(self.names, self.outputs)
            ]
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As text: the picture, then the classes with bars, or one line per row."""
        lines = [*self.notes]
        if self.images:
            lines.append(side_by_side(self.images, [[name] for name in self.names]))
        if self.class_names is not None and len(self.outputs) == 1:
            lines += self._bars(self.outputs[0])
            return lines + [f"it is {truth}" for truth in self.truth]
        for name, row in list(zip(self.names, self.outputs))[:_MOST_ROWS]:
            lines.append(f"{name}: {self._answer(row)}")
        if len(self.outputs) > _MOST_ROWS:
            lines.append(f"... {len(self.outputs) - _MOST_ROWS} more rows; --json prints all")
        return lines

    def _answer(self, row: Array) -> str:
        if self.class_names is None:
            return f"{float(row[0]):.6g}"
        best = int(row.argmax())
        return f"{self.class_names[best]} ({100 * row[best]:.1f} %)"

    def _bars(self, row: Array) -> list[str]:
        assert self.class_names is not None
        order = np.argsort(-row, kind="stable")[:5]
        width = max(len(self.class_names[i]) for i in order)
        return [f"{self.class_names[i]:<{width}}  {100 * row[i]:5.1f} %  {'█' * round(40 * row[i])}" for i in order]


def predictions(run: str, file: str | None, sample: int | None, data: str | None) -> Predictions:
    """Predict for a sample of the test set, an image file or a table."""
    kept = runs.load(run)
    names = kept.extras.get("class_names")
    if sample is not None:
        source = kept.source(data)
        x = source.x_test[_checked(sample, len(source.x_test)) : sample + 1]
        truth = [names[int(source.y_test[sample])]] if names else []
        pictures = [x[0]] if source.kind == "image" else []
        return Predictions(kept.model.predict(x), names, [f"sample {sample}"], pictures, truth, [])
    assert file is not None
    if kept.extras.get("kind") == "image":
        image, done = sources.prepared_image(file, kept.model.input_shape[1:3], kept.extras["max_value"])
        outputs = kept.model.predict(image[None].astype("float32"))
        return Predictions(outputs, names, [file], [image], [], [", ".join(done)])
    if kept.extras.get("schema") is None:
        raise ArgumentError("predict: this run was not trained on tables or pictures", fix=f"glassnet predict {run} --sample 0")
    x = CsvSchema.from_config(kept.extras["schema"]).encode_file(file)
    return Predictions(kept.model.predict(x), names, [f"row {i + 1}" for i in range(len(x))], [], [], [])


def _checked(sample: int, count: int) -> int:
    if not 0 <= sample < count:
        raise DataError("there is no such sample", expected=f"0..{count - 1}", received=sample)
    return sample


def explanation(run: str, sample: int, data: str | None) -> str:
    """One training step of the loaded copy on one sample, in words and numbers."""
    kept = runs.load(run)
    source = kept.source(data)
    rows = slice(_checked(sample, len(source.x_test)), sample + 1)
    x, y = source.x_test[rows], source.y_test[rows]
    model, variables = kept.model, kept.model.trainable_variables

    def step() -> None:
        outputs = model(x, training=True)
        with phase("loss"):
            loss = model.compute_loss(y=y, y_pred=outputs)
        loss.backward()
        model.optimizer.apply([v.grad for v in variables], variables)

    return explain_text(step)


def gradient_report(run: str, samples: int, data: str | None) -> Report:
    """Check the gradients of the loss in every weight tensor on a few samples."""
    kept = runs.load(run)
    source = kept.source(data)
    x, y = source.x_test[:samples].astype("float32"), source.y_test[:samples]
    model = kept.model
    return check_gradients(lambda inputs: model.compute_loss(y=y, y_pred=model(inputs)), x, raise_on_failure=False)
