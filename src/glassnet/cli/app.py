"""The commands and their options. Bad input ends in one clear line and a non-zero exit, never in a traceback."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from glassnet.cli.render import percent, say
from glassnet.errors import ArgumentError, GlassnetError
from glassnet.version import __version__

app = typer.Typer(
    name="glassnet", help="Neural networks you can see through. Start with: glassnet train digits", no_args_is_help=True,
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, such as runs/digits, or a .glassnet file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
DataOption = Annotated[str | None, typer.Option(help="Folder that holds the standard data files.")]
SampleOption = Annotated[int | None, typer.Option(help="Number of a sample of the test set, counted from 0.")]


def run() -> None:
    """Run the command line."""
    try:
        app(standalone_mode=True)
    except GlassnetError as error:
        say(f"error: {error.one_line()}", err=True)
        raise SystemExit(2) from None
    except OSError as error:
        say(f"error: {error.strerror or error}: {error.filename or ''}", err=True)
        raise SystemExit(2) from None


def _version(wanted: bool) -> None:
    if wanted:
        say(f"glassnet {__version__}")
        raise typer.Exit()


@app.callback()
def glassnet(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Neural networks you can see through. Start with: glassnet train digits."""


# ---------------------------------------------------------------- train


@app.command()
def train(
    data_set: Annotated[str | None, typer.Argument(metavar="DATA", help="digits, mnist, fashion_mnist, xor, moons, circles, spiral, blobs, or a CSV file.")] = None,
    label: Annotated[str | None, typer.Option(help="Column to predict (CSV files).")] = None,
    layers: Annotated[str | None, typer.Option(help="Units of the hidden layers, such as 128,128; 0 for none.")] = None,
    activation: Annotated[str | None, typer.Option(help="Activation of the hidden layers.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of hidden units dropped in training.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, rmsprop, adagrad, adam or adamw.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Size of the first steps.")] = None,
    decay: Annotated[float | None, typer.Option(help="Learning rate of step s is rate / (1 + decay s).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples per step; 0 takes all at once.")] = None,
    validation: Annotated[float, typer.Option(help="Share of the training data that is only watched.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and dropout.")] = 0,
    data: DataOption = None,
    out: Annotated[str | None, typer.Option(help="Folder for the run; runs/DATA by default, never overwritten.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run that was interrupted.")] = None,
    json_output: JsonOption = False,
) -> None:  # fmt: skip
    """Train a network on a data set, show how it went, and keep the run."""
    from glassnet.cli.training import train_command

    if (data_set is None) == (resume is None):
        raise ArgumentError("train: name a data set, or a run to --resume", fix="glassnet train digits")
    units = None if layers is None else _units(layers)
    given = {
        "layers": units, "activation": activation, "dropout": dropout, "optimizer": optimizer,
        "learning_rate": learning_rate, "decay": decay, "epochs": epochs, "seed": seed,
    }  # fmt: skip
    record = train_command(
        data_set, given, batch_size=batch_size, label=label, data=data, out=out, resume=resume,
        validation=validation, quiet=json_output,
    )  # fmt: skip
    if json_output:
        say(json.dumps(record, sort_keys=True))


def _units(text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        units = (-1,)
    if any(size < 0 for size in units):
        raise ArgumentError("--layers must list whole numbers", expected="such as 128,128", received=text)
    return tuple(size for size in units if size)


# ---------------------------------------------------------------- use a run


@app.command()
def predict(
    run: RunArgument,
    file: Annotated[str | None, typer.Argument(metavar="[IMAGE|FILE.csv]", help="A picture, or a table with the run's columns.")] = None,
    sample: SampleOption = None,
    data: DataOption = None,
    json_output: JsonOption = False,
) -> None:  # fmt: skip
    """Predict for a picture, a table, or a sample of the test set."""
    from glassnet.cli.prediction import predictions

    if (file is None) == (sample is None):
        raise ArgumentError("predict: give a file or --sample N", fix=f"glassnet predict {run} --sample 0")
    found = predictions(run, file, sample, data)
    if json_output:
        say(json.dumps(found.plain(), sort_keys=True))
        return
    for line in found.lines():
        say(line)


@app.command()
def evaluate(run: RunArgument, data: DataOption = None, json_output: JsonOption = False) -> None:
    """Loss and accuracy of a run on its test set."""
    from glassnet.cli import recipe, runs

    kept = runs.load(run)
    result = recipe.score(kept.model, kept.source(data))
    if json_output:
        say(json.dumps(_score_plain(result, kept.extras), sort_keys=True))
        return
    say(f"test loss      {result.loss:.4f}")
    if kept.extras["class_names"]:
        say(f"test accuracy  {percent(result.correct, result.total)}  ({result.correct} of {result.total})")
    else:
        say(f"test error     {result.error:.4g} (root of the mean square)")


def _score_plain(result: Any, extras: dict[str, Any]) -> dict[str, Any]:
    own = {"accuracy": result.accuracy, "correct": result.correct} if extras["class_names"] else {"rmse": result.error}
    return {"loss": result.loss, "samples": result.total, **own}


@app.command()
def summary(run: RunArgument) -> None:
    """The layers, shapes and parameter counts of a run's network."""
    from glassnet.cli import runs

    runs.load(run).model.summary(print_fn=say)


@app.command()
def explain(
    run: RunArgument,
    sample: Annotated[int, typer.Option(help="Number of a sample of the test set, counted from 0.")] = 0,
    text: Annotated[bool, typer.Option("--text", help="Print the explanation as text.")] = False,
    data: DataOption = None,
) -> None:
    """One training step on one sample, with every formula and its numbers: forward, loss, backward, update."""
    from glassnet.cli.prediction import explanation

    if not text:
        raise ArgumentError("explain: this version explains as text", fix=f"glassnet explain {run} --sample {sample} --text")
    say(explanation(run, sample, data))


# ---------------------------------------------------------------- look around


@app.command()
def datasets(json_output: JsonOption = False) -> None:
    """The data sets that `train` knows."""
    from glassnet.cli.sources import IMAGES, TOYS
    from glassnet.datasets import DATASETS

    rows = [(name, DATASETS[name]) for name in DATASETS if name in (*IMAGES, *TOYS)]
    if json_output:
        say(json.dumps({name: {"title": i.title, "shape": i.shape, "classes": i.classes, "sizes": i.sizes} for name, i in rows}))
        return
    for name, info in rows:
        where = "downloaded when first used" if info.needs_download else "built in"
        shape = " x ".join(map(str, info.shape))
        say(f"{name:<15}{info.title}")
        say(f"{'':<15}{' + '.join(map(str, info.sizes))} samples, each {shape}, {info.classes} classes; {where}")
    say("FILE.csv       any table: glassnet train FILE.csv --label COLUMN")


@app.command()
def check(
    run: RunArgument,
    samples: Annotated[int, typer.Option(help="How many samples of the test set to check with.")] = 4,
    data: DataOption = None,
) -> None:
    """Check a run's gradients against differences, in every weight tensor."""
    from glassnet.cli.prediction import gradient_report

    report = gradient_report(run, samples, data)
    say(str(report))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def show(name: Annotated[str, typer.Argument(help="An op or a layer: linear, relu, Dense, ...")]) -> None:
    """An op or layer from its contract: formula, derivative, derivation, shapes, and the real lines of code."""
    from glassnet.cli.tell import tell

    say(tell(name))
