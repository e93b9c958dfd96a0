"""An exported file, run by its own library alone, gives what the model gives; what does not is not kept."""

import json

import numpy as np
import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.models.families import FAMILIES, build
from apical.surrogate.use import export_formats
from apical.surrogate.use.checkpoint import Surrogate
from apical.surrogate.use.export import export
from apical.surrogate.use.export_formats import FORMATS

N_INPUTS = 16
MODELS = [
    ("elm", 20, {}),
    ("elm", 7, {"version": 2, "learn_tau_m": True}),
    ("elm", 5, {"n_branches": None, "mlp_layers": 3, "mlp_activation": "silu"}),
    ("tcn", "3x8", {"n_dendrite_components": 4, "receptive_field_ms": 40}),
    ("lstm", 6, {}),
    ("gru", 6, {}),
    ("lif", 1, {}),
    ("alif", 1, {}),
    ("ln", 3, {}),
    ("elm", "simplest", {}),
]


def surrogate_of(family, size, options=None):
    model = build(family, size, N_INPUTS, seed=3, **(options or {}))
    model(random_spikes(4, 60, seed=9))  # so that a TCN's running statistics are not those of a new one
    return Surrogate(
        model.eval(), VoltageScaling(), f"{family}-{size}", family, size, 3, "run", "data-1", {}, [(1, 8), (-1, 8)]
    )


def random_spikes(n_windows, n_ms, seed=0):
    rng = np.random.default_rng(seed)
    shape = n_windows, n_ms, N_INPUTS
    return torch.from_numpy((rng.choice([-1.0, 1.0], shape) * (rng.random(shape) < 0.1)).astype(np.float32))


def torch_runner(path):
    module = torch.export.load(path).module()
    return lambda names, arrays: [each.detach().numpy() for each in module(*map(torch.from_numpy, arrays))]


def onnx_runner(path):
    session = pytest.importorskip("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda names, arrays: session.run(None, dict(zip(names, arrays, strict=True)))


RUNNERS = {"torch-export": torch_runner, "onnx": onnx_runner}


@pytest.fixture(params=FORMATS)
def to(request):
    if request.param == "onnx":
        for name in export_formats.ONNX_PACKAGES:
            pytest.importorskip(name)
    return request.param


def metadata_in(path, to):
    """As a user reads it, without apical."""
    if to == "torch-export":
        files = {"apical.json": ""}
        torch.export.load(path, extra_files=files)
        return json.loads(files["apical.json"])
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return json.loads(session.get_modelmeta().custom_metadata_map["apical.json"])


@pytest.mark.parametrize("family, size, options", MODELS)
def test_the_file_gives_the_models_numbers(tmp_path, to, family, size, options):
    """By what the metadata says alone: names and shapes of the state, zero at rest, any number of windows."""
    surrogate = surrogate_of(family, size, options)
    path = tmp_path / f"file{FORMATS[to].suffix}"
    assert export(surrogate, path, to).path == path
    told, run = metadata_in(path, to), RUNNERS[to](str(path))
    for n_windows in (1, 5):
        x_bts = random_spikes(n_windows, 120)
        with torch.no_grad():
            expected = surrogate.model(x_bts)
        shapes = [[n_windows if n == "batch" else n for n in each["shape"]] for each in told["state"]]
        state = [np.zeros(shape, np.float32) for shape in shapes]
        names, outputs = ["input", *(each["input"] for each in told["state"])], []
        for x_bs in x_bts.unbind(1):
            output_bo, *state = run(names, [x_bs.numpy(), *state])
            outputs.append(torch.from_numpy(output_bo))
        torch.testing.assert_close(torch.stack(outputs, 1), expected, rtol=1e-5, atol=1e-5)
    assert len(told["outputs"]) == expected.shape[2]


def test_every_family_is_exported():
    assert {family for family, _, _ in MODELS} == set(FAMILIES)


def test_a_published_elm_keeps_its_precision(tmp_path, to, shared):
    """Its 1 - exp(-dt/tau) is what a library's own exp would spoil: 4e-5 of scale."""
    surrogate = Surrogate.load(shared("data/elm_checkpoints/best_elm_neuron"))
    assert export(surrogate, tmp_path / f"file{FORMATS[to].suffix}", to).largest_difference < 5e-6


def test_a_frozen_elm_is_what_its_weights_were():
    model = build("elm", 4, N_INPUTS, learn_tau_m=True).eval()
    x_bts = random_spikes(2, 30)
    frozen, before = model.frozen(), model(x_bts)
    torch.testing.assert_close(frozen(x_bts), before, rtol=0, atol=0)
    with torch.no_grad():
        model._proto_w_s.fill_(0.9)
    assert not torch.allclose(model(x_bts), before)
    torch.testing.assert_close(frozen(x_bts), before, rtol=0, atol=0)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert model._proto_w_s.requires_grad


def test_the_file_explains_itself_and_not_this_machine(tmp_path, to):
    path = tmp_path / f"file{FORMATS[to].suffix}"
    export(surrogate_of("lstm", 3), path, to)
    told = metadata_in(path, to)
    assert told["scaling"] == {"clip_mv": -55.0, "offset_mv": -67.7, "scale_mv": 10.0}
    assert (told["name"], told["family"], told["size"], told["trained_on"]) == ("lstm-3", "lstm", 3, "data-1")
    assert told["outputs"] == ["spike_logit", "scaled_voltage"] and told["bin_ms"] == 1
    assert told["input_signs"] == [[1, 8], [-1, 8]] and told["n_inputs"] == 16
    assert "+1 where an excitatory synapse spikes" in told["input"]
    assert told["v_mv"].startswith("10 * scaled_voltage + -67.7")
    assert {"apical", "torch", "python", "git_commit"} == set(told["made_with"])
    assert str(torch.__path__[0]).encode() not in path.read_bytes()


def spoiled(run, by):
    def wrong(arrays):
        output_bo, *state = run(arrays)
        return [output_bo + np.float32(by), *state]

    return wrong


@pytest.mark.parametrize("by, said", [(1e-4, "differs from run by 1.0e-04 of scale"), (np.nan, "by nan of scale")])
def test_a_file_that_gives_other_numbers_is_not_kept(tmp_path, monkeypatch, by, said):
    right = FORMATS["torch-export"]
    wrong = right._replace(run=lambda path: spoiled(right.run(path), by))
    monkeypatch.setitem(FORMATS, "torch-export", wrong)
    with pytest.raises(InputError, match=said) as error:
        export(surrogate_of("gru", 3), tmp_path / "file.pt2", "torch-export")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_until_a_better_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "file.pt2"
    path.write_text("earlier")
    with pytest.raises(InputError, match="exists already; --overwrite replaces it"):
        export(surrogate_of("gru", 3), path, "torch-export")
    right = FORMATS["torch-export"]
    with monkeypatch.context() as patched:
        patched.setitem(FORMATS, "torch-export", right._replace(run=lambda path: spoiled(right.run(path), 1)))
        with pytest.raises(InputError, match="not kept"):
            export(surrogate_of("gru", 3), path, "torch-export", overwrite=True)
    assert path.read_text() == "earlier"
    export(surrogate_of("gru", 3), path, "torch-export", overwrite=True)
    assert torch.export.load(path)


@pytest.mark.parametrize(
    "name, to, said",
    [
        ("file.onnx", "onxx", "format 'onxx' is not known: did you mean 'onnx'?"),
        ("file.onnx", "tflite", "format 'tflite' is not known: choose torch-export or onnx"),
        ("file.pt2", "onnx", "file.pt2: format onnx has files that end in .onnx: choose file.onnx"),
        ("nowhere/file.pt2", "torch-export", "nowhere/file.pt2: cannot be written .No such file or directory"),
        ("folder.pt2", "torch-export", "folder.pt2: is a folder"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, name, to, said):
    (tmp_path / "folder.pt2").mkdir()
    with pytest.raises(InputError, match=said):
        export(surrogate_of("gru", 3), tmp_path / name, to, overwrite=True)
    assert [each.name for each in tmp_path.rglob("*")] == ["folder.pt2"]


def test_onnx_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(export_formats, "find_spec", lambda name: None if name != "onnx" else object())
    with pytest.raises(InputError, match="format onnx needs onnxscript, onnxruntime: pip install onnx onnxscript"):
        export(surrogate_of("gru", 3), tmp_path / "file.onnx", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_windows_and_states_have_names_in_onnx(tmp_path):
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    export(surrogate_of("lstm", 3), tmp_path / "file.onnx", "onnx")
    session = ort.InferenceSession(tmp_path / "file.onnx", providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [
        ("input", ["batch", N_INPUTS]),
        *((f"state_{at}", [1, "batch", 3]) for at in range(2)),
    ]
    assert [each.name for each in session.get_outputs()] == ["output", "state_0_after", "state_1_after"]


@pytest.mark.parametrize("family, size, options", MODELS)
def test_the_model_itself_is_left_as_it_was(tmp_path, family, size, options):
    surrogate = surrogate_of(family, size, options)
    before = {name: tensor.clone() for name, tensor in surrogate.model.state_dict().items()}
    export(surrogate, tmp_path / "file.pt2", "torch-export")
    assert all(torch.equal(before[name], tensor) for name, tensor in surrogate.model.state_dict().items())
    assert any(parameter.requires_grad for parameter in surrogate.model.parameters())
