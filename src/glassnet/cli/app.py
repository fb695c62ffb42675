"""The commands and their options. Bad input ends in one clear line and a non-zero exit, never in a traceback."""

from __future__ import annotations

import textwrap
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.cli.render import WIDTH, as_json, folded, percent, say, spelled
from glassnet.errors import ArgumentError, GlassnetError
from glassnet.version import __version__

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
_UsageError: Any = typer.BadParameter.__base__  # typer itself names only this one of click's usage errors

app = typer.Typer(
    name="glassnet", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    epilog="Exit status: 0 done, 1 a check failed or internal error, 2 bad input, 130 interrupted.",
)  # fmt: skip

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Folder of a run, such as runs/digits, or a .glassnet file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
DataOption = Annotated[
    str | None, typer.Option(metavar="DIR", help="Folder with the files that are downloaded otherwise.")
]


def run(arguments: list[str] | None = None) -> int:
    """Run one command line.

    Returns: the exit code.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code: int = app(arguments, prog_name="glassnet", standalone_mode=False) or DONE
        return _end("interrupted", code) if code == INTERRUPTED else code  # typer makes this code of Ctrl-C
    except GlassnetError as error:
        return _end(f"error: {error.one_line()}", BAD_INPUT)
    except _UsageError as error:
        where = error.ctx.command_path if error.ctx else "glassnet"
        return _end(f"error: {error.format_message().removesuffix('.')}; see {where} --help", BAD_INPUT)
    except OSError as error:
        return _end(f"error: {error.filename or 'operating system'}: {error.strerror or error}", BAD_INPUT)
    except MemoryError as error:
        return _end(f"error: not enough memory; {error}", BAD_INPUT)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        return _end(f"internal error: {type(error).__name__}: {error} ({where})", FAILED)


def _end(text: str, code: int) -> int:
    say(" ".join(text.split()), err=True)
    return code


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning in one line."""
    say(f"warning: {message}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"glassnet {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def glassnet(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Neural networks you can see through. Start with: glassnet train digits"""
    if context.invoked_subcommand is None:
        say(context.get_help())


# ---------------------------------------------------------------- train


@app.command(short_help="Train a network on a data set and keep the run.")
def train(
    data_set: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="One of `glassnet datasets`, such as digits, a CSV file, or a .txt."),
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column to predict (CSV files).")] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="N,N", help="Units of the hidden layers, such as 128,128; 0 for none.")
    ] = None,
    activation: Annotated[str | None, typer.Option(help="Activation of the hidden layers.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of hidden units dropped in training.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd, rmsprop, adagrad, adam or adamw.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Size of the first steps.")] = None,
    decay: Annotated[float | None, typer.Option(help="Learning rate of step s is rate / (1 + decay s).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples per step; 0 takes all at once.")] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of the training data that is only watched; by default 0.1.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of weights, order, dropout and random split; by default 0.")
    ] = None,
    data: DataOption = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder for the run; by default runs/DATA. Never overwritten.")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a run that was interrupted.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Train a network on a data set, show how it went, and keep the run.

    What is not given is chosen to suit the data.
    """
    from glassnet.cli.sources import DOWNLOADED
    from glassnet.cli.training import new_job, resumed_job, train_command

    given = {
        "layers": None if layers is None else _units(layers), "activation": activation, "dropout": dropout,
        "optimizer": optimizer, "learning_rate": learning_rate, "decay": decay, "epochs": epochs,
        "batch_size": batch_size, "validation": validation, "seed": seed,
    }  # fmt: skip
    if (data_set is None) == (resume is None):
        raise ArgumentError("train: name a data set, or a run to --resume", fix="glassnet train digits")
    if resume is not None:
        others = given | {"label": label, "out": out}
        idle = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
        if idle:
            raise ArgumentError(
                "train: a resumed run keeps its settings", received=", ".join(idle), fix="leave them out"
            )
        job = resumed_job(resume, data)
    else:
        if data_set in DOWNLOADED and not json_output:
            say(f"loading {data_set}")
        job = new_job(str(data_set), given, label=label, data=data)
    record = train_command(job, out, quiet=json_output)
    if json_output:
        say(as_json(record))
    if not record["finished"]:
        raise typer.Exit(INTERRUPTED)


def _units(text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError("train: bad --layers", expected="numbers of units such as 128,128", received=text) from None
    return () if units == (0,) else units


# ---------------------------------------------------------------- use a run


@app.command(short_help="Predict for a picture, a table, or a sample.")
def predict(
    run: RunArgument,
    file: Annotated[
        str | None,
        typer.Argument(metavar="[IMAGE|FILE.csv]", help="A PNG or PGM picture, or a table with the columns."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Number of a sample of the test set, counted from 0.")
    ] = None,
    data: DataOption = None,
    json_output: JsonOption = False,
) -> None:
    """Predict for a picture, a table, or a sample of the test set."""
    from glassnet.cli.prediction import predictions
    from glassnet.cli.runs import quoted

    if (file is None) == (sample is None):
        raise ArgumentError("predict: give a file or --sample N", fix=f"glassnet predict {quoted(run)} --sample 0")
    found = predictions(run, file, sample, data)
    say(as_json(found.plain()) if json_output else "\n".join(found.lines()))


@app.command(short_help="Text from a network that learned from one.")
def sample(
    run: RunArgument,
    prompt: Annotated[str, typer.Option(help="What the text begins with; by default a new line.")] = "",
    length: Annotated[int, typer.Option(min=0, help="How many characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 the likely becomes likelier; 0 always takes the likeliest character.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Draw only from the K likeliest characters.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another text.")] = 0,
) -> None:
    """Let a network that learned from a text write on, one character after the other."""
    from glassnet.cli.writing import text_run, written

    kept = text_run(run)
    say(written(kept.model, kept.task, prompt, length, temperature, top_k, seed))


@app.command(short_help="Loss and accuracy of a run on its test set.")
def evaluate(run: RunArgument, data: DataOption = None, json_output: JsonOption = False) -> None:
    """Loss and accuracy of a run on its test set."""
    from glassnet.cli import recipe, runs

    kept = runs.load(run)
    result = recipe.score(kept.model, kept.source(data))
    if json_output:
        say(as_json(result.plain(kept.task)))
        return
    say(f"test loss      {result.loss:.4g}")
    if kept.task.class_names:
        say(f"test accuracy  {percent(result.correct, result.total)}  ({result.correct} of {result.total})")
    else:
        say(f"test error     {result.error:.4g} (root of the mean square)")


@app.command(short_help="Layers, shapes and parameter counts.")
def summary(run: RunArgument) -> None:
    """The layers, shapes and parameter counts of a run's network."""
    from glassnet.cli import runs

    runs.load_model_of(run).summary(print_fn=say)


@app.command(short_help="A page: one training step with every formula and number.")
def explain(
    run: RunArgument,
    sample: Annotated[int, typer.Option(metavar="N", help="Number of a sample of the test set, counted from 0.")] = 0,
    text: Annotated[bool, typer.Option("--text", help="Print the explanation as text instead.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="The page; by default explain-N.html beside the model.")
    ] = None,
    data: DataOption = None,
) -> None:
    """One training step on one sample, with every formula and its numbers: forward, loss, backward, update.

    One HTML file that works offline, in any browser.
    """
    from glassnet.cli import explanation, prediction

    if text:
        if out is not None:
            raise ArgumentError("explain: --text prints, it writes no page", received=f"--out {out}", fix="give one")
        say(folded(spelled(prediction.explanation(run, sample, data))))
        return
    path = explanation.write_page(run, sample, data, out)
    say(f"{path} ({path.stat().st_size / 1000:,.0f} kB): open it in a browser")


@app.command(short_help="A page: draw, and the network says what it sees.")
def draw(
    run: RunArgument,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="The page; by default draw.html beside the model.")
    ] = None,
) -> None:
    """Write a page on which you draw and the network of a run of pictures says what it sees.

    One HTML file with the weights in it: it works offline, in any browser, on a phone too.
    """
    from glassnet.cli.pages import draw as write_page

    path = write_page(run, out)
    say(f"{path} ({path.stat().st_size / 1000:,.0f} kB): open it in a browser")


@app.command(short_help="Check a run's gradients against differences.")
def check(
    run: RunArgument,
    samples: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="How many samples of the test set to check with.")
    ] = 4,
    data: DataOption = None,
) -> None:
    """Check a run's gradients against differences, in every weight tensor."""
    from glassnet.cli.prediction import gradient_report

    report = gradient_report(run, samples, data)
    say(str(report))
    if not report.ok:
        raise typer.Exit(FAILED)


# ---------------------------------------------------------------- look around


@app.command(short_help="The data sets that train knows.")
def datasets(json_output: JsonOption = False) -> None:
    """The data sets that `train` knows."""
    from glassnet.cli.sources import TEXTS, TOYS
    from glassnet.datasets import DATASETS

    if json_output:
        images = {
            name: {"title": info.title, "shape": info.shape, "classes": info.classes, "sizes": info.sizes}
            for name, info in DATASETS.items()
        }
        toys = {name: {"title": title, "shape": [2]} for name, title in TOYS.items()}
        say(as_json(images | toys | {name: {"title": title} for name, title in TEXTS.items()}))
        return
    for name, info in DATASETS.items():
        shape, sizes = " x ".join(map(str, info.shape)), " + ".join(map(str, info.sizes))
        where = "downloaded at first use" if info.needs_download else "built in"
        _row(name, f"{info.title}; {sizes} images of {shape}, {info.classes} classes; {where}")
    for name, title in (TOYS | TEXTS).items():
        _row(name, title)
    _row("FILE.csv", "any table: glassnet train FILE.csv --label COLUMN")
    _row("FILE.txt", "any text, to write on like it: glassnet train FILE.txt")


def _row(name: str, text: str) -> None:
    say(textwrap.fill(f"{name:<15} {text}", WIDTH, subsequent_indent=" " * 16))


@app.command(short_help="An op or a layer: formula, derivative, code.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An op or a layer: linear, relu, Dense, ...")],
) -> None:
    """An op or layer from its contract: formula, derivative, derivation, shapes, and the real lines of code."""
    from glassnet.cli.tell import tell

    say(tell(name))


# ---------------------------------------------------------------- compiled steps

kernels = typer.Typer(rich_markup_mode=None)
app.add_typer(kernels, name="kernels", short_help="What a training step is compiled to.")


@kernels.callback()
def kernels_group() -> None:
    """What a training step is compiled to."""


@kernels.command("show", short_help="Kernels with their formulas, memory, IR and assembly.")
def kernels_show(
    run: RunArgument,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Samples per step.")] = 32,
    ir: Annotated[int | None, typer.Option(metavar="K", help="Print kernel K as LLVM is given it.")] = None,
    assembly: Annotated[int | None, typer.Option(metavar="K", help="Print kernel K as instructions.")] = None,
) -> None:
    """The training step of a network as compiled: its kernels as formulas, memory, what NumPy runs and why.

    A network without optimizer and loss shows its prediction. Needs the extra glassnet[fast].
    """
    from glassnet.cli.kernels import plan_of, report

    if ir is not None and assembly is not None:
        raise ArgumentError("kernels show: --ir and --assembly both print a kernel", fix="give one")
    plan = plan_of(run, batch)
    if ir is not None:
        say(plan.ir(ir))
    elif assembly is not None:
        say(plan.assembly(assembly))
    else:
        say(report(plan))
