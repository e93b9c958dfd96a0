"""A trained ELM Network, a step at a time: in Python and as a file, it gives what its classifier gives."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from apical.simulate.schema import InputError
from apical.surrogate.fitting.run_folder import CARD, WEIGHTS
from apical.surrogate.kernels.events import Events
from apical.surrogate.use.checkpoint import Surrogate
from apical.surrogate.use.export import export_step
from apical.surrogate.use.export_formats import METADATA
from apical.tasks.fitting.network_export import export_network, load_network
from apical.tasks.fitting.recipe import recipe
from apical.tasks.fitting.run_folder import TaskCard
from apical.tasks.models.classifier import assemble, configure
from apical.tasks.models.sequence import Sequences

SMALL = {"n_channels": 9, "n_classes": 3, "n_branches": 4, "synapses_per_branch": 3, "d_m": 2, "tau_m_max": 20.0}


@pytest.fixture
def make_run(tmp_path):
    """A run's card and weights, of a classifier that has learned nothing."""

    def make(family="elm-network", size=6, **options):
        shape = SMALL if family == "elm-network" else {"n_channels": 9, "n_classes": 3}
        model = configure(family, size, shape | options)
        classifier, folder = assemble(model, seed=2), tmp_path / "run"
        numbers = {"steps": 1, "n_parameters": sum(each.numel() for each in classifier.parameters())}
        told = {
            "task": "digits.zarr",
            "title": "digits",
            "task_id": "0",
            "class_names": ("a", "b", "c"),
            "provenance": {},
        }
        folder.mkdir()
        card = TaskCard(fit=recipe("quick", family, size), model=model, **numbers, **told)
        (folder / CARD).write_text(card.model_dump_json())
        save_file(classifier.state_dict(), folder / WEIGHTS)
        return folder, classifier.eval()

    return make


def sequences(n_sequences=3, n_steps=17, n_channels=9):
    random = torch.Generator().manual_seed(0)
    return (torch.rand(n_sequences, n_steps, n_channels, generator=random) < 0.2).float()


def whole(classifier, x_btc):
    lengths = torch.full((len(x_btc),), x_btc.shape[1])
    return classifier(Sequences(Events.from_dense(x_btc), lengths)).detach()


@pytest.mark.parametrize("options", [{}, {"pool": "mean", "n_layers": 2}, {"spiking": True, "learn_tau_m": True}])
def test_a_step_at_a_time_it_is_the_classifier(make_run, options):
    run, classifier = make_run(**options)
    network, card = load_network(run)
    x_btc, state, logits = sequences(), network.init_state(3), []
    with torch.no_grad():
        for x_bc in x_btc.unbind(1):
            y_bk, state = network.step(x_bc, state)
            logits.append(y_bk)
    read = logits[-1] if card.model.pool == "last" else torch.stack(logits).mean(0)
    torch.testing.assert_close(read, whole(classifier, x_btc), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "to, name", [("torch-export", "net.pt2"), pytest.param("onnx", "net.onnx", marks=pytest.mark.slow)]
)
def test_its_file_gives_the_same(make_run, tmp_path, to, name):
    run, classifier = make_run()
    done = export_network(run, tmp_path / name, to)
    assert done.path == tmp_path / name and done.largest_difference <= 1e-5
    x_btc = sequences()
    if to == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(done.path, providers=["CPUExecutionProvider"])
        names, told = [each.name for each in session.get_inputs()], session.get_modelmeta().custom_metadata_map
        shapes = [[n if isinstance(n, int) else 3 for n in each.shape] for each in session.get_inputs()[1:]]
        after = [np.zeros(shape, np.float32) for shape in shapes]
        for x_bc in x_btc.unbind(1):
            y_bk, *after = session.run(None, dict(zip(names, [x_bc.numpy(), *after], strict=True)))
    else:
        extra = {METADATA: ""}
        module = torch.export.load(done.path, extra_files=extra).module()
        told, after = extra, [torch.zeros_like(each) for each in load_network(run)[0].init_state(3)]
        for x_bc in x_btc.unbind(1):
            y_bk, *after = module(x_bc, *after)
    torch.testing.assert_close(torch.as_tensor(y_bk).detach(), whole(classifier, x_btc), rtol=1e-5, atol=1e-5)
    metadata = json.loads(told[METADATA])
    assert metadata["classes"] == ["a", "b", "c"] and metadata["n_inputs"] == 9
    assert [each["shape"] for each in metadata["state"]] == [
        ["batch", 6],
        ["batch", 6],
        ["batch", 6, 2],
        ["batch", 3, 3],
    ]


def test_a_file_that_differs_is_not_kept(make_run, tmp_path):
    run, _ = make_run()
    network = load_network(run)[0]
    network.forward = lambda x: torch.full((*x.shape[:2], 3), torch.nan)
    with pytest.raises(InputError, match="not kept: it differs from run by nan of scale"):
        export_step(network, lambda graph: {}, tmp_path / "net.pt2", "torch-export", run="run", overwrite=False)
    assert not (tmp_path / "net.pt2").exists()


def test_other_classifiers_are_refused(make_run, tmp_path):
    run, _ = make_run("gru", 4)
    with pytest.raises(
        InputError, match="run: a classifier of family gru; of a task, only an elm-network of one tower"
    ):
        export_network(run, tmp_path / "net.onnx", "onnx")


def test_two_towers_are_refused(make_run):
    run, _ = make_run(towers=2)
    with pytest.raises(InputError, match="a classifier of family elm-network of two towers"):
        load_network(run)


def test_a_classifier_is_no_surrogate(make_run):
    run, _ = make_run()
    with pytest.raises(
        InputError, match=r"run: a classifier of a task, no model of a cell; `apical evaluate TASK .*run`"
    ):
        Surrogate.load(run)
