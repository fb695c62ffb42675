"""What a kept run says about data: predictions, an explained step, a gradient check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.autograd.gradcheck import Report, check_gradients
from glassnet.cli import runs, sources
from glassnet.cli.render import side_by_side
from glassnet.cli.report import explain_sample
from glassnet.datasets import CsvSchema
from glassnet.errors import ArgumentError, DataError
from glassnet.explain import narrate
from glassnet.typing import Array

_MOST_ROWS = 20
_MOST_CLASSES = 5
_NAME_WIDTH = 24
_BAR_WIDTH = 40


@dataclass
class Predictions:
    """Outputs for some rows, and how to read them."""

    outputs: Array
    class_names: list[str] | None
    names: list[str]
    picture: Array | None = None
    truth: str | None = None
    note: str | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        rows = zip(self.names, self.outputs)
        if self.class_names is None:
            return {"rows": [{"name": name, "value": float(row[0])} for name, row in rows]}
        return {
            "rows": [
                {"name": name, "class": self.class_names[int(row.argmax())],
                 "probabilities": dict(zip(self.class_names, map(float, row)))}
                for name, row in rows
            ]
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As text: the picture, then the classes with bars, or one line per row."""
        lines = [self.note] if self.note else []
        if self.picture is not None:
            lines.append(side_by_side([self.picture], [[self.names[0]]]))
        if self.class_names is not None and len(self.outputs) == 1:
            lines += self._bars(self.outputs[0], self.class_names)
        else:
            lines += [f"{name}: {self._answer(row)}" for name, row in list(zip(self.names, self.outputs))[:_MOST_ROWS]]
        if len(self.outputs) > _MOST_ROWS:
            lines.append(f"... {len(self.outputs) - _MOST_ROWS} more rows; --json prints all")
        return lines + ([f"it is {self.truth}"] if self.truth else [])

    def _answer(self, row: Array) -> str:
        if self.class_names is None:
            return f"{float(row[0]):.6g}"
        best = int(row.argmax())
        return f"{self.class_names[best]} ({100 * row[best]:.1f} %)"

    def _bars(self, row: Array, class_names: list[str]) -> list[str]:
        order = np.argsort(-row, kind="stable")[:_MOST_CLASSES]
        names = [class_names[i][:_NAME_WIDTH] for i in order]
        width = max(map(len, names))
        shares = [float(np.nan_to_num(row[i])) for i in order]
        return [
            f"{name:<{width}}  {100 * share:5.1f} %  {'█' * round(_BAR_WIDTH * share)}".rstrip()
            for name, share in zip(names, shares)
        ]


def predictions(run: str, file: str | None, sample: int | None, data: str | None) -> Predictions:
    """Predict for a sample of the test set, or for a file."""
    kept = runs.load(run)
    if kept.task.kind == "text":
        raise ArgumentError(
            f"predict: {run} learned from a text, and writes one", fix=f"glassnet sample {runs.quoted(run)}"
        )
    if file is None:
        return _of_sample(kept, sample or 0, data)
    if data is not None:
        raise ArgumentError("predict: --data goes with --sample", received=f"--data {data} and {file}")
    task, model = kept.task, kept.model
    if task.kind == "image":
        image, done = sources.prepared_image(file, model.input_shape[1:3], task.max_value)
        outputs = model.predict(image[None].astype("float32"))
        return Predictions(outputs, task.class_names, [file], image, note=", ".join(done))
    if task.schema is None:
        raise ArgumentError(
            f"predict: {run} learned neither from pictures nor from a table", received=file,
            fix=f"glassnet predict {runs.quoted(run)} --sample 0",
        )  # fmt: skip
    x = CsvSchema.from_config(task.schema).encode_file(file)
    return Predictions(model.predict(x), task.class_names, [f"row {number}" for number in range(1, len(x) + 1)])


def _of_sample(kept: runs.Run, sample: int, data: str | None) -> Predictions:
    source, names = kept.source(data), kept.task.class_names
    rows = rows_of_sample(source, sample)
    x, y = source.x_test[rows], source.y_test[rows]
    truth = names[int(y[0])] if names else f"{float(y[0, 0]):.6g}"
    is_image = kept.task.kind == "image"
    note = None if is_image else f"sample {sample}: " + ", ".join(f"{value:.4g}" for value in x[0, :8])
    return Predictions(kept.model.predict(x), names, [f"sample {sample}"], x[0] if is_image else None, truth, note)


def rows_of_sample(source: sources.Source, sample: int) -> slice:
    """The rows of one sample of the test set."""
    if not 0 <= sample < len(source.x_test):
        raise DataError("there is no such sample", expected=f"0 to {len(source.x_test) - 1}", received=sample)
    return slice(sample, sample + 1)


def explanation(run: str, sample: int, data: str | None) -> str:
    """One training step of the loaded copy on one sample, in words and numbers."""
    kept = runs.load(run)
    source = kept.source(data)
    rows_of_sample(source, sample)  # refuses a sample that there is not
    return narrate(explain_sample(kept.model, source, sample).trace)


def gradient_report(run: str, samples: int, data: str | None) -> Report:
    """Check the gradients of the loss in every weight tensor on a few samples."""
    kept = runs.load(run)
    source = kept.source(data)
    x, y = source.x_test[:samples], source.y_test[:samples]
    x = x if kept.task.kind == "text" else x.astype("float32")  # ids have no slope
    model = kept.model
    return check_gradients(lambda inputs: model.compute_loss(y=y, y_pred=model(inputs)), x, raise_on_failure=False)
