"""What a user gets wrong is answered in one line that names it and says what to do, with exit status 2."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import warnings

import pytest
import zarr

from apical.simulate import schema


def chunks(store, variable):
    return sorted(path for path in (store / variable / "c").rglob("*") if path.is_file())


def lose_a_chunk(store):
    chunks(store, "input_spike_synapse")[2].unlink()


def damage_a_chunk(store):
    for chunk in chunks(store, "soma_v_mv"):
        chunk.write_bytes(b"not compressed")


def another_schema(store):
    zarr.open_group(store, mode="r+").attrs["apical_schema"] = schema.SCHEMA_VERSION + 1


def lose_the_metadata(store):
    (store / "zarr.json").unlink()


def halve_the_metadata(store):
    text = (store / "zarr.json").read_text()
    (store / "zarr.json").write_text(text[: len(text) // 2])


def lose_a_variable(store):
    shutil.rmtree(store / "soma_v_mv")
    schema.commit(store)


def foreign_attributes(store):
    group = zarr.open_group(store, mode="r+")
    del group.attrs["apical_schema"]


def unfinished(store):
    status = zarr.open_group(store, mode="r+")["trial_status"].with_config({"write_empty_chunks": True})
    status[1] = schema.PENDING


def other_units(store):
    zarr.open_group(store, mode="r+")["soma_v_mv"].attrs["units"] = "V"
    schema.commit(store)


SPOILED = [
    (shutil.rmtree, ["truth.zarr: no such dataset", "apical simulate"]),
    (lose_a_chunk, ["truth.zarr: truncated: variable 'input_spike_synapse' lacks 1 of 6 chunks", "make it again"]),
    (damage_a_chunk, ["truth.zarr: variable 'soma_v_mv' is damaged", "make"]),
    (
        another_schema,
        [
            f"truth.zarr: written with dataset schema {schema.SCHEMA_VERSION + 1}, this apical reads schema",
            "make it again",
        ],
    ),
    (lose_the_metadata, ["truth.zarr: not a readable Zarr store", "make it again"]),
    (halve_the_metadata, ["truth.zarr: not a readable Zarr store", "make it again"]),
    (lose_a_variable, ["truth.zarr: variable 'soma_v_mv' is missing"]),
    (foreign_attributes, ["truth.zarr: attribute 'apical_schema' is missing", "not a dataset written by apical"]),
    (unfinished, ["truth.zarr: 1 of 6 trials are not there yet", "--resume"]),
    (other_units, ["truth.zarr: variable 'soma_v_mv' has units 'V', not 'mV'"]),
]


@pytest.mark.parametrize("spoil, said", SPOILED, ids=lambda each: getattr(each, "__name__", ""))
def test_a_store_that_is_not_right(fitted, refused, spoil, said):
    spoil(fitted / "truth.zarr")
    for command in (
        "inspect truth.zarr",
        "fit truth.zarr --out new --device cpu",
        "evaluate truth.zarr prediction.zarr --out new.csv",
        "predict run truth.zarr --out new.zarr --device cpu",
    ):
        if command.startswith("predict") and spoil in (damage_a_chunk,):
            continue  # it reads no voltages
        line = refused(command)
        assert all(words in line for words in said), line


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.fixture
def no_hub(monkeypatch):
    """The hub's client is not installed."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


@pytest.fixture
def things(no_hub, apical, request, tmp_path, tmp_path_factory, monkeypatch):
    """A folder, the same for all tests of a session, of what is there but is not what a command wants."""
    kept = tmp_path_factory.getbasetemp() / "things"
    if not kept.exists():
        request.getfixturevalue("fitted")
        fill(tmp_path, request.getfixturevalue("make_dataset"))
        tmp_path.rename(kept)
    monkeypatch.chdir(kept)
    return kept


def fill(here, make_dataset):
    """Names say what is wrong; truth.zarr, prediction.zarr, run and scores.csv are all right."""
    make_dataset("other.zarr", n_segments=4, seed=1)
    make_dataset("short.zarr", duration_ms=900)
    make_dataset("silent.zarr", silent=True, seed=2)
    make_dataset("three.zarr", n_trials=2, seed=3)
    here.joinpath("malicious.p").write_bytes(pickle.dumps(Malicious()))
    here.joinpath("numbers.p").write_bytes(pickle.dumps([1, 2, 3]))
    here.joinpath("empty.p").touch()
    here.joinpath("text.p").write_text("hello\n")
    for folder, pickled, settings in (
        ("elm-malicious", Malicious(), {}),
        ("elm-numbers", [1, 2, 3], {}),
        ("elm-unknown", {}, {"num_input": 16, "no_such_setting": 1}),
    ):
        here.joinpath(folder).mkdir()
        here.joinpath(folder, "model_config.json").write_text(json.dumps(settings))
        here.joinpath(folder, "x_state.pt").write_bytes(pickle.dumps(pickled))
    here.joinpath("elm-half").mkdir()
    here.joinpath("elm-half", "model_config.json").write_text("{")
    shutil.copytree(here / "run", here / "weightless")
    here.joinpath("weightless", "weights.safetensors").unlink()
    shutil.copytree(here / "run", here / "damaged")
    here.joinpath("damaged", "weights.safetensors").write_bytes(b"nothing of the kind")
    shutil.copytree(here / "run", here / "later")
    card = json.loads(here.joinpath("run", "config.json").read_text())
    here.joinpath("later", "config.json").write_text(json.dumps(card | {"apical_run": card["apical_run"] + 1}))
    shutil.copytree(here / "run", here / "resumes-malice")
    here.joinpath("resumes-malice", "state.pt").write_bytes(pickle.dumps(Malicious()))
    here.joinpath("kept.pt2").touch()
    here.joinpath("foreign.csv").write_text("a,b\n1,2\n")
    here.joinpath("binary.csv").write_bytes(bytes(range(256)))
    here.joinpath("empty.csv").touch()
    header, row = here.joinpath("scores.csv").read_text().splitlines()
    here.joinpath("bare.csv").write_text(header + "\n")
    here.joinpath("schema1.csv").write_text(f"{header}\n1{row[1:]}\n")
    here.joinpath("cut.csv").write_text(f"{header}\n{row[: len(row) // 2]}\n")
    here.joinpath("nan.csv").write_text(f"{header}\n{row.rsplit(',', 1)[0]},nan\n")


SAYS = {
    # the command line itself
    "simlate --out x": ["'simlate'", "Did you mean 'simulate'?", "apical --help"],
    "--jsn": ["--jsn", "apical --help"],
    "cells --jsn": ["apical cells:", "--jsn", "--json"],
    "cells all": ["apical cells:", "all"],
    "fit truth.zarr": ["apical fit:", "Missing option '--out'"],
    "evaluate truth.zarr": ["apical evaluate:", "Missing argument 'PREDICTION"],
    "import-nwb --out x": ["Missing argument 'FILE.nwb"],
    "export-nwb --out x": ["Missing argument 'DATA"],
    "import-sonata --out x": ["Missing argument 'SPIKES.h5"],
    "export-sonata --out x": ["Missing argument 'DATA"],
    "import-arrays --out x": ["Missing argument 'FILE.npz"],
    "import-neuronio --out x": ["Missing argument 'FILE.p"],
    # fit
    "fit nothere.zarr --out new": ["nothere.zarr: no such dataset"],
    "fit scores.csv --out new": ["scores.csv: not a readable Zarr store"],
    "fit prediction.zarr --out new": ["prediction.zarr: is a prediction, expected a simulation"],
    "fit truth.zarr --out new --model tcm": ["model family 'tcm'", "did you mean 'tcn'?"],
    "fit truth.zarr --out new --model transformer": ["model family 'transformer'", "choose one of elm, tcn"],
    "fit truth.zarr --out new --size big": ["elm of size 'big'", "integer"],
    "fit truth.zarr --out new --size 0": ["elm of size '0'", "greater than 0"],
    "fit truth.zarr --out new --size -3": ["elm of size '-3'", "greater than 0"],
    "fit truth.zarr --out new --size 7x128": ["elm of size '7x128'", "integer"],
    "fit truth.zarr --out new --model tcn --size 20": ["size '20'", "depth x width, such as 7x128"],
    "fit truth.zarr --out new --model tcn --size 0x4": ["size '0x4'", "depth x width, such as 7x128"],
    "fit truth.zarr --out new --model lif --size 5": ["lif of size '5'", "its only size is 1"],
    "fit truth.zarr --out new --recipe papr": ["recipe 'papr'", "did you mean 'paper'?"],
    "fit truth.zarr --out new --steps 0": ["'--steps'", "greater than or equal to 1"],
    "fit truth.zarr --out new --steps few": ["'--steps'", "integer"],
    "fit truth.zarr --out new --batch 0": ["'--batch'", "greater than or equal to 1"],
    "fit truth.zarr --out new --seed -1": ["'--seed'", "greater than or equal to 0"],
    "fit truth.zarr --out new --device gpu": ["device 'gpu'", "auto, cpu or cuda"],
    "fit truth.zarr --out new --dendrites 2": ["dendrite_components is 2", "only a tcn"],
    "fit short.zarr --out new": ["window_ms is 500", "900 ms", "400 ms", "simulate longer trials"],
    "fit three.zarr --out new": ["2 finished trials cannot be split", "simulate more"],
    "fit truth.zarr --out run": ["run: exists already", "--resume", "--overwrite"],
    "fit truth.zarr --out run --resume --size 4": ["run: was started with", "choose another folder"],
    "fit other.zarr --out run --resume --size 3 --steps 4 --batch 2": ["run: was started with dataset_id"],
    "fit truth.zarr --out later --resume --size 3": ["later/config.json: a run of version 2", "fit it again"],
    "fit truth.zarr --out resumes-malice --resume --size 3 --steps 4 --batch 2": ["state.pt: refused", "code"],
    "fit truth.zarr --out truth.zarr --overwrite": ["truth.zarr: is there but is not a run", "choose another path"],
    "fit truth.zarr --out scores.csv --overwrite": ["scores.csv: is there but is not a run", "choose another path"],
    "fit truth.zarr --out scores.csv/run": ["scores.csv/run: cannot be written", "choose another path"],
    "fit truth.zarr --out new --seed 9223372036854775808": ["seed: ", "less than or equal to 9223372036854775807"],
    "fit truth.zarr --out new --batch 9223372036854775808": ["batch: ", "less than or equal to 100000"],
    "fit truth.zarr --out new --set steps=1e308": ["steps: ", "integer"],
    "fit truth.zarr --out new --set learning_rate=Infinity": ["learning_rate: ", "finite"],
    "fit truth.zarr --out new --set size=big": ["elm of size 'big'", "integer"],
    "fit truth.zarr --out new --set family=4": ["model family '4' is not known", "choose one of elm"],
    "fit truth.zarr --out new --set options=1": ["options: ", "dictionary"],
    "fit truth.zarr --out new --set options.n_inputs=3": ["option 'n_inputs' of elm", "leave it out"],
    f"fit truth.zarr --out new --set steps={'[' * 10**5}": ["steps: ", "integer", "[[[..."],
    f"fit truth.zarr --out new --set {'a.' * 10**4}a=1": ["--set 'a.a.a", "no field has so many parts"],
    f"fit truth.zarr --out new --set batch={'9' * 5000}": ["batch: ", "integer", "9999..."],
    "fit truth.zarr --out new --set options.d_m=3": ["option 'd_m' of elm", "leave it out"],
    "fit truth.zarr --out new --set options.mlp_layers=100000": ["mlp_layers: ", "less than or equal to 100"],
    "fit truth.zarr --out new --size 1180591620717411303424": ["has about 5.6e+42 weights, expected 1,073,741,824"],
    "fit truth.zarr --out new --model tcn --size 999999x1": ["size '999999x1': expected 1,000 layers at most"],
    "fit truth.zarr --out new --model tcn --size 2x99999999": ["weights, expected 1,073,741,824 at most"],
    "fit truth.zarr --out new --model tcn --size 1x2 --set options.receptive_field_ms=0": [
        "receptive_field_ms is 0, expected a whole number of ms from 1 to 10,000"
    ],
    "fit truth.zarr --out new --model lstm --size 999999999": ["weights, expected 1,073,741,824 at most"],
    "fit truth.zarr --out .": [".: names no folder of its own"],
    # sweep
    "sweep parameter-efficiency truth.zarr --out new --set seed=3": ["'seed' is what runs of a sweep differ in"],
    "sweep parameter-efficiency truth.zarr --out new --set options=1": ["options is 1, expected a table"],
    "sweep parameter-efficiency truth.zarr --out new --workers 9999": ["'--workers'", "less than or equal to 1024"],
    # simulate
    "simulate lif --out new.zarr --trials 9223372036854775808": ["trials and workers: expected 10,000,000 at most"],
    "simulate lif --out new.zarr --seed 9223372036854775808": ["seed: ", "less than or equal to 9223372036854775807"],
    "simulate lif --out new.zarr --scheduler ucx://h:1": ["scheduler ucx://h:1: is no address that Dask knows"],
    "simulate lif --out new.zarr --scheduler tcp://[::1:5": ["scheduler tcp://[::1:5: is no address that Dask knows"],
    "simulate --out new.zarr --dt 1e-300": ["integration.dt_ms: ", "greater than or equal to 0.0001"],
    "simulate --out new.zarr --seconds 3600 --dt 0.001": ["seconds: 3.6e+09 steps of 0.001 ms, expected 1e+09 at most"],
    "simulate --out new.zarr --set statistics.excitatory_basal=[0,Infinity]": ["excitatory_basal", "finite number"],
    "simulate --out new.zarr --set statistics.excitatory_basal=[0,1e308]": ["1,000,000 spikes per 100 ms at most"],
    'simulate --out new.zarr --set morphology="\\u0000"': ["morphology: ", "match pattern"],
    f"simulate --out {'x' * 300}": ["File name too long"],
    # predict
    f"predict run truth.zarr --out new.zarr --trials {'9' * 5000}": ["trials '9999", "or trial numbers"],
    "predict truth.zarr --out new.zarr": ["RUN and DATA", "1 paths: truth.zarr"],
    "predict run truth.zarr other.zarr --out new.zarr": ["RUN and DATA", "3 paths"],
    "predict --elm-checkpoint run run truth.zarr --out new.zarr": ["DATA alone with --elm-checkpoint", "2 paths"],
    "predict truth.zarr run --out new.zarr": ["truth.zarr: no run there", "apical fit"],
    "predict nothere truth.zarr --out new.zarr": ["nothere: no run there", "apical fit"],
    "predict weightless truth.zarr --out new.zarr": ["weights.safetensors: not there yet", "--resume"],
    "predict damaged truth.zarr --out new.zarr": ["damaged/weights.safetensors: damaged", "fit the run again"],
    "predict run run --out new.zarr": ["run: not a readable Zarr store"],
    "predict run nothere.zarr --out new.zarr": ["nothere.zarr: no such dataset"],
    "predict run prediction.zarr --out new.zarr": ["prediction.zarr: is a prediction, expected a simulation"],
    "predict run other.zarr --out new.zarr": ["run: checkpoint expects 16 inputs, dataset has 8 (other.zarr)"],
    "predict run truth.zarr --out prediction.zarr": ["prediction.zarr: exists already", "--overwrite"],
    "predict run truth.zarr --out truth.zarr --overwrite": ["truth.zarr: is there but is not a prediction"],
    "predict run truth.zarr --out run --overwrite": ["run: is there but is not a prediction", "choose another path"],
    "predict run truth.zarr --out scores.csv/p.zarr": ["scores.csv/p.zarr: cannot be written"],
    "predict run truth.zarr --out new.zarr --trials 77": ["truth.zarr: has no finished trial 77"],
    "predict run truth.zarr --out new.zarr --trials tests": ["trials 'tests'", "auto, all, train"],
    "predict run truth.zarr --out new.zarr --trials 1,x": ["trials '1,x'", "or trial numbers"],
    "predict run truth.zarr --out new.zarr --trials 1,": ["trials '1,'", "or trial numbers"],
    "predict run truth.zarr --out new.zarr --trials 1-3": ["trials '1-3'", "or trial numbers"],
    "predict run truth.zarr --out new.zarr --trials ²": ["trials '²'", "or trial numbers"],
    "predict run silent.zarr --out new.zarr --trials test": ["run was not fitted on this dataset", "choose all"],
    "predict run truth.zarr --out new.zarr --mode fast": ["'--mode'", "'windows', 'stream'"],
    "predict run truth.zarr --out new.zarr --device tpu": ["device 'tpu'", "auto, cpu or cuda"],
    "predict --elm-checkpoint nothere truth.zarr --out new.zarr": ["nothere/model_config.json: cannot be read"],
    "predict --elm-checkpoint run truth.zarr --out new.zarr": ["run/model_config.json: cannot be read"],
    "predict --elm-checkpoint elm-half truth.zarr --out new.zarr": ["elm-half/model_config.json: is not JSON"],
    "predict --elm-checkpoint elm-numbers truth.zarr --out new.zarr": ["elm-numbers/x_state.pt: "],
    "predict --elm-checkpoint elm-malicious truth.zarr --out new.zarr": ["elm-malicious/x_state.pt: refused", "code"],
    "predict nobody/elm-3 truth.zarr --out new.zarr": ["nobody/elm-3: no such path", "huggingface_hub"],
    # export
    "export run --out new.onnx": ["apical export:", "Missing option '--to'"],
    "export run --to onnx": ["apical export:", "Missing option '--out'"],
    "export run --to onxx --out new.onnx": ["format 'onxx'", "did you mean 'onnx'?"],
    "export run --to torch --out new.pt2": ["format 'torch'", "did you mean 'torch-export'?"],
    "export run --to onnx --out new.pt2": ["new.pt2: format onnx has files that end in .onnx: choose new.onnx"],
    "export run --to torch-export --out kept.pt2": ["kept.pt2: exists already", "--overwrite"],
    "export run --to torch-export --out nodir/new.pt2": ["nodir/new.pt2: cannot be written (No such file"],
    "export run --to torch-export --out scores.csv/new.pt2": ["scores.csv/new.pt2: cannot be written (Not a dir"],
    "export nothere --to onnx --out new.onnx": ["nothere: no run there", "apical fit"],
    "export truth.zarr --to onnx --out new.onnx": ["truth.zarr: no run there", "apical fit"],
    "export scores.csv --to onnx --out new.onnx": ["scores.csv: no run there", "apical fit"],
    "export weightless --to onnx --out new.onnx": ["weightless/weights.safetensors: not there yet", "--resume"],
    "export damaged --to onnx --out new.onnx": ["damaged/weights.safetensors: damaged"],
    "export later --to onnx --out new.onnx": ["later/config.json: a run of version 2", "fit it again"],
    "export elm-half --to onnx --out new.onnx": ["elm-half/model_config.json: is not JSON"],
    "export elm-malicious --to onnx --out new.onnx": ["elm-malicious/x_state.pt: refused", "code"],
    "export nobody/elm-3 --to onnx --out new.onnx": ["nobody/elm-3: no such path", "huggingface_hub"],
    # evaluate
    "evaluate truth.zarr nothere.zarr --out new.csv": ["nothere.zarr: no such dataset"],
    "evaluate truth.zarr truth.zarr --out new.csv": ["truth.zarr: is a simulation, expected a prediction"],
    "evaluate prediction.zarr truth.zarr --out new.csv": ["prediction.zarr: is a prediction, expected a simulation"],
    "evaluate other.zarr prediction.zarr --out new.csv": ["prediction.zarr: predicts dataset 'made-up-1-8'"],
    "evaluate truth.zarr prediction.zarr --out scores.csv": ["scores.csv: exists already", "--overwrite"],
    "evaluate truth.zarr prediction.zarr": ["scores.csv: exists already", "--overwrite"],
    "evaluate truth.zarr prediction.zarr --out run --overwrite": [
        "run: cannot be written (Is a directory)",
        "choose another path",
    ],
    "evaluate truth.zarr prediction.zarr --out nodir/s.csv": [
        "nodir/s.csv: cannot be written (No such file",
        "choose another path",
    ],
    # compare
    "compare scores.csv": ["apical compare:", "Missing option '--out'"],
    "compare nothere.csv --out new.png": ["nothere.csv: scores cannot be read", "apical evaluate"],
    "compare run --out new.png": ["run: scores cannot be read", "apical evaluate"],
    "compare foreign.csv --out new.png": ["foreign.csv: header lacks column 'scores_schema'", "apical evaluate"],
    "compare binary.csv --out new.png": ["binary.csv: scores cannot be read", "apical evaluate"],
    "compare empty.csv --out new.png": ["empty.csv: header lacks column", "apical evaluate"],
    "compare bare.csv --out new.png": ["bare.csv: has no rows"],
    "compare schema1.csv --out new.png": ["schema1.csv: row 1: column 'scores_schema' is '1'", "evaluate again"],
    "compare cut.csv --out new.png": ["cut.csv: row 1:", "evaluate again"],
    "compare nan.csv --out new.png": ["nan.csv: row 1: column 'event_burst_fraction' is 'nan'"],
    "compare scores.csv --out new.gif": ["new.gif", ".png, .svg, .pdf"],
    "compare scores.csv --out nodir/new.png": ["nodir/new.png: cannot be written (No such file"],
    # inspect
    "inspect run": ["run: not a readable Zarr store"],
    "inspect truth.zarr --trial 99": ["truth.zarr: has no trial 99"],
    "inspect truth.zarr --trial 99 --json": ["truth.zarr: has no trial 99"],
    "inspect truth.zarr --trial one": ["'--trial'", "integer"],
    "inspect truth.zarr --out new.jpg": ["new.jpg", ".png, .svg, .pdf"],
    "inspect truth.zarr --out nodir/new.png": ["nodir/new.png: cannot be written (No such file"],
    # import-arrays
    "import-arrays nothere.npz --out new.zarr": ["nothere.npz: cannot be read"],
    "import-arrays run --out new.zarr": ["run: cannot be read"],
    "import-arrays text.p --out new.zarr": ["text.p: no .npz of arrays"],
    # import-nwb, export-nwb
    "import-nwb nothere.nwb --out new.zarr": ["nothere.nwb: cannot be read"],
    "export-nwb prediction.zarr --out new.nwb": ["prediction.zarr: is a prediction, expected a simulation"],
    "export-nwb nothere.zarr --out new.nwb": ["nothere.zarr: no such dataset"],
    # import-sonata, export-sonata
    "import-sonata nothere.h5 --report x.h5 --signs x.npz --out new.zarr": ["nothere.h5: cannot be read"],
    "export-sonata prediction.zarr --out new": ["prediction.zarr: is a prediction, expected a simulation"],
    # import-neuronio
    "import-neuronio nothere.p --out new.zarr": ["nothere.p: cannot be read"],
    "import-neuronio run --out new.zarr": ["run: cannot be read"],
    "import-neuronio malicious.p --out new.zarr": ["malicious.p: asks to run", "was not run", "do not use"],
    "import-neuronio numbers.p --out new.zarr": ["numbers.p: "],
    "import-neuronio empty.p --out new.zarr": ["empty.p: a truncated pickle"],
    "import-neuronio text.p --out new.zarr": ["text.p: not a pickle of arrays"],
    "import-neuronio numbers.p --out truth.zarr": ["truth.zarr: exists already", "--overwrite"],
    "import-neuronio numbers.p --out run --overwrite": ["run: exists and is not a Zarr store", "choose another path"],
    # quickstart
    "quickstart --tiny --out scores.csv": ["scores.csv: cannot be made a folder", "choose another path"],
    "quickstart --tiny --out new --device gpu": ["device 'gpu'", "auto, cpu or cuda"],
    "quickstart --tiny --out new extra": ["apical quickstart:", "extra"],
}


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("command", SAYS)
def test_one_line_says_what_to_do_and_nothing_is_changed(things, refused, command):
    before = contents(things)
    line = refused(command)
    assert all(words in line for words in SAYS[command]), line
    assert contents(things) == before


def test_a_loss_that_is_no_number(fitted, apical, done, monkeypatch):
    """Made up, since none of our datasets does it: the step after the first validation."""
    from apical.surrogate.fitting import step, steps

    def failing_step(stack, optimizers, batches, config, at, *more):
        losses = step.train_step(stack, optimizers, batches, config, at, *more)
        return losses * float("nan") if at == config.validate_every else losses

    monkeypatch.setattr(steps, "train_step", failing_step)
    answer = apical("fit truth.zarr --size 3 --steps 60 --batch 1 --out new --device cpu")
    assert answer.status == 2
    line = answer.err.splitlines()[-1]
    assert line.startswith("apical: new: loss is nan at step 51; the best model up to step 50 is kept; fit again")
    done("predict new truth.zarr --out new.zarr --device cpu")


def test_dendrites_that_the_dataset_does_not_have(truth, refused):
    line = refused("fit truth.zarr --out new --model tcn --size 1x2 --dendrites 2 --device cpu")
    assert "truth.zarr: has no variable 'dendrite_v_mv'" in line


def test_a_truth_without_spikes(make_dataset, apical, refused, done):
    make_dataset("silent.zarr", silent=True)
    fitted = apical("fit silent.zarr --size 2 --steps 1 --batch 1 --out run --device cpu")
    assert fitted.status == 0
    assert "silent.zarr: no output spike in its validation trials (1): their ROC-AUC is nan\n" in fitted.err
    done("predict run silent.zarr --out prediction.zarr --device cpu")
    line = refused("evaluate silent.zarr prediction.zarr --out new.csv")
    assert all(
        words in line
        for words in ("prediction.zarr: no output spike", "ROC-AUC is undefined", "more trials", "--every-trial")
    )


def test_no_cuda(fitted, refused, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for command in ("fit truth.zarr", "predict run truth.zarr", "quickstart --tiny"):
        line = refused(f"{command} --out new --device cuda")
        assert "device 'cuda': this PyTorch finds no CUDA device; use --device cpu" in line
        assert not (fitted / "new").exists()


def test_a_driver_that_is_too_old(fitted, refused, monkeypatch):
    """PyTorch only warns of it."""

    def too_old():
        told = "CUDA initialization: The NVIDIA driver on your system is too old\n(found version 11040)"
        warnings.warn(told, stacklevel=2)
        return False

    monkeypatch.setattr("torch.cuda.is_available", too_old)
    line = refused("fit truth.zarr --out new --device cuda")
    assert "finds no CUDA device (CUDA initialization: The NVIDIA driver" in line
    assert line.endswith("is too old (found version 11040)); use --device cpu, or auto")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.00 GiB free.\nSee the documentation",
            "device 'cuda': CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.00 GiB free; end what else "
            "uses it, give a smaller batch, or --device cpu",
        ),
        (
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be asynchronous",
            "device 'cuda': the GPU failed (CUDA error: CUDA-capable device(s) is/are busy or unavailable); what is "
            "written stays, `apical fit --resume` goes on",
        ),
    ],
)
def test_a_gpu_that_fails_in_a_fit(fitted, apical, monkeypatch, said, told):
    def failing(*given):
        raise RuntimeError(said)

    monkeypatch.setattr("apical.surrogate.fitting.steps.train_step", failing)
    answer = apical("fit truth.zarr --size 2 --steps 1 --batch 1 --out new --device cpu")
    assert answer.status == 2
    assert answer.err.splitlines()[-1] == f"apical: {told}"  # before it: how the model is computed


def test_an_error_of_ours_is_not_taken_for_a_gpus(fitted, apical, monkeypatch):
    def failing(*given):
        raise RuntimeError("a mistake")

    monkeypatch.setattr("apical.surrogate.fitting.steps.train_step", failing)
    with pytest.raises(RuntimeError, match="a mistake"):
        apical("fit truth.zarr --size 2 --steps 1 --batch 1 --out new --device cpu")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(fitted, refused):
    closed = fitted / "closed"
    closed.mkdir(mode=0o555)
    for command in (
        "simulate --out closed/new.zarr --seconds 0.01 --trials 1",
        "fit truth.zarr --out closed/run --device cpu",
        "predict run truth.zarr --out closed/new.zarr --device cpu",
        "evaluate truth.zarr prediction.zarr --out closed/scores.csv",
        "compare scores.csv --out closed/figure.png",
        "inspect truth.zarr --out closed/figure.png",
        "quickstart --tiny --out closed/quick",
    ):
        line = refused(command)
        assert "closed/" in line and "Permission denied" in line, line


@pytest.mark.parametrize(("trials", "seconds"), [(6, 1.5), (26, 2.0)])
def test_a_quickstart_of_another_size_is_not_gone_on_with(make_dataset, refused, tmp_path, trials, seconds):
    """What is said can be done: there is no --overwrite."""
    made = make_dataset("made.zarr", n_trials=trials, duration_ms=int(seconds * 1000))
    (tmp_path / "quick").mkdir()
    made.rename(tmp_path / "quick" / "data.zarr")
    line = refused("quickstart --tiny --out quick")
    assert f"quick: holds a quickstart of {trials} trials of {seconds:g} s, this one has 6 of 2 s; give another" in line
    assert "overwrite" not in line
