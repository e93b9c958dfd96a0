"""The commands: each parses its options, calls one function of a stage, and prints what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

app = typer.Typer(
    name="apical",
    help="Simulate a detailed neuron, fit small networks that replace it, and compare what each parameter buys.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out = Annotated[Path, typer.Option("--out", "-o", help="Where to write it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what is at --out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
Device = Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu or cuda.")]
MorphologyName = Annotated[str, typer.Option(metavar="NAME|PATH", help="Catalogue name, or an .asc or .swc file.")]


DEFAULT_TRIALS = 10


def _examples(*lines: str) -> str:
    return "Examples:\n\n\b\n" + "\n".join(f"  {line}" for line in lines)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"apical {version('apical')}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True, epilog=_examples("apical quickstart", "apical cells", "apical simulate --help")
)
def apical(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(
    short_help="List morphologies and parameter sets.",
    epilog=_examples("apical cells", "apical cells --json", "apical cells --print hay2011"),
)
def cells(
    as_json: Json = False,
    parameters: Annotated[
        str | None, typer.Option("--print", metavar="NAME", help="Print a parameter set, to start one's own from.")
    ] = None,
) -> None:
    """List the morphologies and parameter sets, where they come from, and whether they are there."""
    from ..simulate import biophysics
    from ..simulate.catalogue import catalogue
    from ..simulate.cells import DEFAULT
    from .progress import console
    from .tables import print_json, print_table

    if parameters is not None:
        print(biophysics.text_of(parameters), end="")
        return
    rows = catalogue()
    sets = [{"name": name, "source": biophysics.load(name).source} for name in biophysics.available()]
    if as_json:
        print_json({"morphologies": rows, "biophysics": sets})
        return
    shown = [
        (row["name"], "yes" if row["present"] else "no", row["sections"], row["segments"], row["licence"])
        for row in rows
    ]
    print_table("Morphologies (--morphology)", ["name", "there", "sections", "segments", "licence"], shown)
    for row in rows:
        console.print(f"{row['name']}: {row['source']}" + (" (the default)" if row["name"] == DEFAULT else ""))
        if not row["present"]:
            console.print(f"  fetched on first use; offline, put the file at {row['path']}")
    console.print()
    print_table("Parameter sets (--biophysics)", ["name", "source"], [tuple(s.values()) for s in sets], numbers_from=2)


@app.command(
    short_help="List presets and what can be varied.",
    epilog=_examples("apical presets", "apical presets --json"),
)
def presets(as_json: Json = False) -> None:
    """List the presets of `apical simulate`, and the fields of its configuration with their defaults."""
    from ..simulate.changes import fields
    from ..simulate.config import PRESETS
    from .progress import console
    from .tables import print_json, print_table

    about = {name: (make.__doc__ or "").partition("\n")[0] for name, make in PRESETS.items()}
    if as_json:
        print_json({"presets": about, "fields": fields()})
        return
    print_table("Presets", ["name", "what it is"], list(about.items()), numbers_from=2)
    console.print()
    console.print("Fields of the configuration (--set FIELD=VALUE, or in a --config file)", style="bold")
    for field in fields():
        default = "" if field["default"] is None else str(field["default"])
        console.print(f"{field['name']:<46}{default:<14}{field['about']}", markup=False)


@app.command(
    short_help="Simulate trials of the cell.",
    epilog=_examples(
        "apical simulate --out data.zarr --trials 20 --workers 2",
        "apical simulate nmda --morphology hay2011 --out neuronio.zarr --trials 40 --seed 1",
        "apical simulate nmda --morphology cell1.asc --seconds 2 --dt 0.05 --out short.zarr",
        "apical simulate nmda --morphology mine.swc --biophysics mine.toml --out mine.zarr",
        "apical simulate --out data.zarr --trials 20 --workers 2 --resume",
        "apical simulate --out data.zarr --trials 20 --seed 1 --append",
        "apical simulate --out data.zarr --trials 1000 --scheduler tcp://10.0.0.1:8786",
        "apical simulate passive-dendrites --set statistics.excitatory_basal=[0,900] --trials 20 --out passive.zarr",
        "apical simulate --config mine.toml --input-spikes events.csv --trials 3 --out replayed.zarr",
    ),
)
def simulate(
    out: Out,
    preset: Annotated[
        str | None, typer.Argument(metavar="[PRESET]", help="`apical presets` lists them [default: nmda-ttpc1].")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many [default: 10; with --resume all].")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="Length of a trial in s [default: 6].")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, one cell each [default: all cores].")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Fixes the inputs, together with the trial number [default: 0].")
    ] = None,
    morphology: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Catalogue name, or an .asc or .swc file [default: the preset's]."),
    ] = None,
    biophysics: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Parameter set, or a .toml file [default: the preset's]."),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="coreneuron, or neuron (plain) [default: coreneuron].")] = None,
    dt: Annotated[
        float | None, typer.Option(help="Step in ms; 0 for plain NEURON's variable step [default: 0.025].")
    ] = None,
    fine: Annotated[bool, typer.Option("--fine", help="Keep the soma voltage at 8 samples per ms too.")] = False,
    input_spikes: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Replay these: a dataset, .npy, .npz or Zarr array, or a .csv of events."),
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Fields that replace those of the preset.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Replace a field; `apical presets` lists them. Repeatable."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS|FILE", help="A Dask cluster that is there, in place of --workers.")
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the trials to the dataset at --out.")] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Simulate trials of the cell under random synaptic input and write them to one Zarr store.

    `apical presets` lists the presets and every field of the configuration that --set or --config can replace.
    """
    from ..simulate.changes import configured
    from ..simulate.dataset import Progress, available_cores, simulate
    from ..simulate.summary import Summary
    from .progress import bar, console, errors, spinner

    given = {
        "morphology": morphology,
        "biophysics": biophysics,
        "seconds": seconds,
        "seed": seed,
        "record_fine": fine or None,
        "input_spikes": None if input_spikes is None else str(input_spikes),
        "integration": _given({"engine": engine, "dt_ms": dt}) | ({"dt_ms": None} if dt == 0 else {}),
    }
    config = configured(preset, config_file, _given(given), fields or ())
    summary = Summary(config.seconds)
    with bar("Simulating", trials) as show:

        def report(progress: Progress) -> None:
            summary.add(progress)
            show(progress.done, progress.total, f"{summary.rate_hz:.2f} Hz out")

        simulate(
            config,
            out,
            trials or (None if resume else DEFAULT_TRIALS),
            workers or available_cores(),
            scheduler=scheduler,
            resume=resume,
            append=append,
            overwrite=overwrite,
            busy=spinner,
            report=report,
            dashboard=lambda address: errors.print(f"dashboard: {address}"),
        )
    for line in summary.lines() if summary.trials else ["all its trials are there already"]:
        console.print(f"{out}: {line}")


@app.command(
    short_help="Check a cell's physiology and numerics.",
    epilog=_examples(
        "apical validate --morphology hay2011",
        "apical validate --morphology cell1.asc --biophysics hay2011 --out figure.pdf",
        "apical validate --morphology hay2011 --quick --json",
        "apical validate --morphology hay2011 --only f-I --replay nmda_4_trials.p",
    ),
)
def validate(
    morphology: MorphologyName = "ttpc1",
    biophysics: Annotated[str, typer.Option(metavar="NAME|PATH", help="Parameter set, or a .toml file.")] = "shai2015",
    engine: Annotated[
        str | None, typer.Option(help="coreneuron, or neuron (plain) [default: as apical simulate].")
    ] = None,
    dt: Annotated[
        float | None, typer.Option(help="Step in ms; 0 for the variable step [default: as apical simulate].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Figure [default: validation.png; with --json, none].")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE.p", help="Replay the trials of a NeuronIO pickle too.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="dendrites, steps, f-I, rest, attenuation, convergence, engines or replay; may be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without 2 s steps and replay; fewer points.")] = False,
    as_json: Json = False,
) -> None:
    """Check a cell against published physiology and the theory of its integration; draw one page.

    Golden values are known of hay2011 with either parameter set; on other cells what needs none of them is checked.
    The exit status is 1 when a check fails.
    """
    from ..analysis.look import check_suffix
    from ..analysis.validation_figure import validation_figure
    from ..simulate.engine.base import Integration
    from ..simulate.validate import validate
    from .progress import bar, errors, spinner
    from .tables import print_checks, print_json

    picture = check_suffix(out or "validation.png") if out or not as_json else None
    chosen = {"engine": engine} if engine else {}
    integration = Integration.model_validate(chosen | ({} if dt is None else {"dt_ms": dt or None}))
    with bar("Validating") as show:
        found = validate(
            morphology,
            biophysics,
            integration,
            quick=quick,
            only=only or (),
            neuronio=replay,
            busy=spinner,
            report=show,
        )
    if picture:
        validation_figure(found.plain(), found.traces, picture)
    if as_json:
        print_json(found.plain())
    else:
        print_checks(found, picture)
    for each in found.failed:
        errors.print(f"apical validate: failed: {each}", soft_wrap=True)
    if found.failed:
        raise typer.Exit(1)


@app.command(
    "import-neuronio",
    short_help="Read published NeuronIO pickles.",
    epilog=_examples(
        "apical import-neuronio nmda_4_trials.p --out nmda.zarr",
        "apical import-neuronio *.p -o all.zarr --workers 4",
        "apical import-neuronio *.p -o all.zarr --workers 4 --resume",
    ),
)
def import_neuronio(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.p…", help="Published pickles.")],
    out: Out,
    workers: Annotated[int | None, typer.Option(min=1, help="Files read at a time [default: all cores].")] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Read published NeuronIO pickles into a dataset; nothing in them is run. An import that was stopped can go on.

    A worker takes about 0.5 GB of memory for a published file, with dendrites or without.
    """
    from contextlib import ExitStack

    from ..simulate.dataset import available_cores
    from ..simulate.neuronio import import_neuronio
    from .progress import bar, console

    shown: dict[str, Any] = {}
    with ExitStack() as bars:

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                bars.close()  # the bar before
                shown[what] = bars.enter_context(bar(what))
            shown[what](done, total)

        workers = workers or available_cores()
        import_neuronio(files, out, workers=workers, resume=resume, overwrite=overwrite, report=report)
    console.print(f"{out}: written; `apical inspect {out}` shows it")


@app.command(
    short_help="Summarise and draw a dataset.",
    epilog=_examples("apical inspect data.zarr", "apical inspect data.zarr --trial 3 --out trial3.pdf"),
)
def inspect(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A dataset: simulation or prediction.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture [default: DATA with .png].")] = None,
    trial: Annotated[int | None, typer.Option(help="Trial to draw [default: a typical one].")] = None,
    as_json: Json = False,
) -> None:
    """Summarise a dataset, and draw one trial and the rates of all. Flags a cell that is silent or never is, and
    trials that are numerically unstable.
    """
    from ..analysis.inspect import inspect_figure, summary
    from ..analysis.scan import scan
    from .progress import bar, console
    from .tables import print_json, print_summary

    picture = None
    with bar("Reading") as show:
        scanned = scan(data, show)
        found = summary(data, scanned)
        if not as_json or out or trial is not None:
            picture = inspect_figure(data, out or data.with_suffix(".png"), trial, scanned)
    if as_json:
        print_json(found | ({"picture": str(picture)} if picture else {}))
        return
    print_summary(found)
    console.print(f"picture: {picture}")


@app.command(
    short_help="Fit a surrogate to a dataset.",
    epilog=_examples(
        "apical fit data.zarr --model elm --size 20 --out runs/elm-20",
        "apical fit data.zarr --model tcn --size 2x32 --steps 800 --out runs/tcn-2x32",
        "apical fit data.zarr --model elm --size 20 --recipe paper --out runs/paper --resume",
    ),
)
def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A simulation.")],
    out: Out,
    model: Annotated[str, typer.Option(help="Family: elm or tcn.")] = "elm",
    size: Annotated[str | None, typer.Option(help="elm: memory units (20); tcn: depth x width (7x128).")] = None,
    recipe: Annotated[str, typer.Option(help="quick (a laptop) or paper (published settings).")] = "quick",
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps [default: the recipe's].")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows per step [default: the recipe's].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Initial weights and order of batches.")] = 0,
    dendrites: Annotated[int, typer.Option(min=0, help="tcn: components of the dendrites' voltages to fit.")] = 0,
    device: Device = "auto",
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit a surrogate to a dataset. Trials are split, never windows; the model is chosen on validation RMSE."""
    from ..simulate.names import nearest
    from ..surrogate.fit import FitProgress, fit
    from ..surrogate.models import check_family
    from ..surrogate.recipe import PUBLISHED_SIZE, paper, quick
    from .progress import bar, console

    check_family(model)
    changes = {"seed": seed, "dendrite_components": dendrites}
    changes |= {name: value for name, value in (("steps", steps), ("batch", batch)) if value is not None}
    make = {"quick": quick, "paper": paper}[nearest("recipe", recipe, ("quick", "paper"))]
    config = make(model, size or PUBLISHED_SIZE[model], **changes)
    with bar(f"Fitting {config.family} {config.size}", config.steps) as show:

        def report(progress: FitProgress) -> None:
            note = f"loss {progress.loss:.3f}"
            if progress.validation_rmse_mv == progress.validation_rmse_mv:
                note += f"  val {progress.validation_rmse_mv:.2f} mV  AUC {progress.validation_roc_auc:.3f}"
            show(progress.step, progress.steps, note)

        fit(config, data, out, device=device, resume=resume, overwrite=overwrite, report=report)
    console.print(f"{out}: fitted; `apical predict {out} {data} --out prediction.zarr` predicts the held-out trials")


@app.command(
    short_help="Predict a dataset with a surrogate.",
    epilog=_examples(
        "apical predict runs/elm-20 data.zarr --out elm-20.zarr",
        "apical predict --elm-checkpoint models/num_memory_20 neuronio.zarr --out published.zarr",
    ),
)
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="[RUN] DATA", help="A run's folder, and a simulation.")],
    out: Out,
    elm_checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Published ELM checkpoint, in place of RUN."),
    ] = None,
    trials: Annotated[str, typer.Option(help="auto, all, train, validation, test, or numbers: 0,3,7.")] = "auto",
    mode: Annotated[Literal["windows", "stream"], typer.Option(help="windows as published, or one pass.")] = "windows",
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Predict a dataset's trials with a surrogate; by default the ones it was not fitted on."""
    from ..simulate.schema import InputError
    from ..surrogate.checkpoint import load_published_elm, load_run
    from ..surrogate.predict import predict
    from .progress import bar, console

    if len(paths) != (1 if elm_checkpoint else 2):
        expected = "DATA alone with --elm-checkpoint" if elm_checkpoint else "RUN and DATA"
        raise InputError(f"predict takes {expected}, got {len(paths)} paths: {', '.join(map(str, paths))}")
    surrogate = load_published_elm(elm_checkpoint) if elm_checkpoint else load_run(paths[0])
    numbers = [number.strip() for number in trials.split(",")]
    chosen: Any = [int(number) for number in numbers] if all(map(str.isdecimal, numbers)) else trials
    with bar(f"Predicting with {surrogate.name}") as show:
        predict(surrogate, paths[-1], out, trials=chosen, mode=mode, device=device, overwrite=overwrite, report=show)
    console.print(f"{out}: written; `apical evaluate {paths[-1]} {out}` scores it")


@app.command(
    short_help="Score predictions against the truth.",
    epilog=_examples(
        "apical evaluate data.zarr elm-20.zarr tcn-2x32.zarr --out scores.csv",
        "apical evaluate data.zarr elm-20.zarr --json",
    ),
)
def evaluate(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The simulation.")],
    predictions: Annotated[list[Path], typer.Argument(metavar="PREDICTION…", help="What surrogates made of it.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Scores, as CSV [default: scores.csv; with --json, none].")
    ] = None,
    exact_spikes: Annotated[
        bool, typer.Option("--exact-spikes", help="NeuronIO: score the exact spike times, not the published ones.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Score predictions against the truth: the published metrics, and the plain voltage figures beside them."""
    from ..analysis.evaluate import evaluate
    from ..analysis.scores import write_scores
    from ..simulate.schema import InputError
    from .progress import console
    from .tables import print_json, print_scores

    if out is None and not as_json:
        out = Path("scores.csv")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give --overwrite to replace it, or another path")
    scores = evaluate(truth, predictions, published_spike_times=False if exact_spikes else None)
    if out is not None:
        write_scores(out, scores)
    if as_json:
        print_json([score.model_dump() for score in scores])
        return
    print_scores(scores)
    console.print(f"scores: {out}")


@app.command(
    short_help="Draw fidelity against parameters.",
    epilog=_examples("apical compare scores.csv --out figure.png", "apical compare a.csv b.csv --out figure.svg"),
)
def compare(
    scores: Annotated[list[Path], typer.Argument(metavar="SCORES…", help="Score files.")],
    out: Out,
) -> None:
    """Draw ROC-AUC and RMSE against trainable parameters, with published results behind."""
    from ..analysis.compare import compare
    from ..analysis.scores import read_scores
    from .progress import console

    console.print(f"figure: {compare(read_scores(scores), out)}")


@app.command(
    short_help="Go the whole way, start to figure.",
    epilog=_examples("apical quickstart", "apical quickstart --tiny --out /tmp/first"),
)
def quickstart(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything it makes.")] = Path("quickstart"),
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Smallest size that runs every stage: for a first check.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Go the whole way: simulate, fit five surrogates, predict and score held-out trials, draw the figure.

    What is already there from an earlier start is kept, so a stopped quickstart goes on where it was.
    """
    from .quickstart import run

    run(out, tiny=tiny, device=device)
