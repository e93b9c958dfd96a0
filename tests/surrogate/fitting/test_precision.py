"""A fit in bfloat16: near float32's, resumed without trace, refused where it cannot be."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn import functional as F

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.device import check_precision
from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.fitting.rollout import rollout
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.stack import Stack
from apical.surrogate.fitting.step import make_optimizer, train_step
from apical.surrogate.fitting.windows import draw_windows, load_trials
from apical.surrogate.kernels import spike_convolution
from apical.surrogate.models.families import build
from apical.surrogate.sweep.sweep import Scoring, run_sweep
from apical.surrogate.sweep.sweep_config import Models, Sweep
from apical.surrogate.use.checkpoint import load_run
from apical.surrogate.use.predict import predict


def settings(precision="bfloat16", **changes):
    fields = {"family": "tcn", "size": "3x16", "options": {"receptive_field_ms": 20}, "precision": precision}
    fields |= {"steps": 4, "batch": 4, "window_ms": 60, "burn_in_ms": 10, "validate_every": 2, "learning_rate": 0.01}
    return FitConfig(**(fields | changes))


@pytest.fixture(params=["compiled", "dense"])
def first_layer(request, monkeypatch):
    """Either path of the first layer."""
    if request.param == "dense":
        monkeypatch.setattr(spike_convolution, "why_not", lambda weight: "another device")


def test_loss_and_gradients_are_those_of_float32_but_for_rounding(first_layer, make_dataset, monkeypatch):
    trials = load_trials(schema.open_dataset(make_dataset()), [0, 1, 2], VoltageScaling())
    seen: list[torch.dtype] = []
    conv1d = F.conv1d
    monkeypatch.setattr(F, "conv1d", lambda *given: seen.append((y := conv1d(*given)).dtype) or y)
    results = []
    for precision in ("float32", "bfloat16"):
        config, model = settings(precision), build("tcn", "3x16", 16, receptive_field_ms=20)
        batch = draw_windows(trials, window_ms=60, batch=4, seed=0, step=0)
        (loss,) = train_step(Stack([model]), [make_optimizer(config, model)], [batch], config, 0)
        results.append((loss, torch.cat([p.grad.flatten() for p in model.parameters()])))
        assert all(p.dtype == p.grad.dtype == torch.float32 for p in model.parameters())
    assert set(seen) == {torch.float32, torch.bfloat16}  # else nothing was compared
    (loss, gradient), (rounded_loss, rounded_gradient) = results
    assert rounded_loss != loss and rounded_loss == pytest.approx(loss, rel=2**-8)  # the digits of bfloat16
    assert F.cosine_similarity(gradient, rounded_gradient, dim=0) > 0.99


class Stop(Exception):
    pass


def test_a_resumed_fit_is_bit_for_bit_the_undisturbed_one(make_dataset, tmp_path):
    def stop(progress):
        if progress.step == 3:
            raise Stop

    data, config = make_dataset(), settings()
    fit(config, data, tmp_path / "undisturbed", device="cpu")
    with pytest.raises(Stop):
        fit(config, data, tmp_path / "resumed", device="cpu", report=stop)
    fit(config, data, tmp_path / "resumed", device="cpu", resume=True)
    state = torch.load(tmp_path / "resumed" / "state.pt", weights_only=True)
    assert all(values.dtype != torch.bfloat16 for values in state["model"].values())
    for name in ("weights.safetensors", "state.pt"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_gated_networks_take_it(make_dataset, tmp_path, family):
    config, losses = settings(family=family, size=3, options={}), []
    fit(config, make_dataset(), tmp_path / "run", device="cpu", report=lambda p: losses.append(p.loss))
    assert np.isfinite(losses).all() and len(losses) == 4


@pytest.mark.parametrize("family, size", [("ln", 2), ("lif", 1), ("alif", 1)])
def test_a_family_without_large_products_stays_in_float32(make_dataset, tmp_path, family, size):
    """Its outputs, of a few products, would have three digits, and no step would be faster."""
    with pytest.raises(InputError, match=f"precision 'bfloat16': {family} has no large products that it would be for"):
        fit(settings(family=family, size=size, options={}), make_dataset(), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_what_was_fitted_so_predicts_in_float32(make_dataset, tmp_path):
    """To the bit as the same weights from a run of float32, as which it is used."""
    data = make_dataset()
    surrogate = load_run(fit(settings(), data, tmp_path / "run", device="cpu"))
    model = build("tcn", "3x16", 16, receptive_field_ms=20).eval()
    model.load_state_dict(surrogate.model.state_dict())
    trials = load_trials(schema.open_dataset(data), surrogate.split.test, VoltageScaling())
    predicted = xr.open_zarr(predict(surrogate, data, tmp_path / "prediction.zarr", device="cpu"))
    expected_mv = surrogate.scaling.scale_mv * rollout(model, trials.inputs[0])[:, 1] + surrogate.scaling.offset_mv
    voltage_mv = predicted.soma_v_mv.sel(trial=surrogate.split.test[0]).values
    np.testing.assert_allclose(voltage_mv, expected_mv, rtol=0, atol=1e-5)


def test_a_sweep_is_refused_before_any_run_where_one_model_cannot_be(make_dataset, tmp_path):
    models = [Models(family=family, sizes=(size,)) for family, size in (("tcn", "1x2"), ("elm", 2))]
    sweep = Sweep(models=models, recipe="quick", settings={"precision": "bfloat16"})
    nothing = Scoring(lambda *given: None, lambda *given: None)
    with pytest.raises(InputError, match="precision 'bfloat16': an elm's time constants need more digits"):
        run_sweep(sweep, make_dataset(), tmp_path / "sweep", nothing, device="cpu")
    assert not (tmp_path / "sweep").exists()


def test_refused_in_one_line_where_it_cannot_be(make_dataset, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="precision 'bfloat16': an elm's time constants need more digits"):
        fit(settings(family="elm", size=3, options={"n_branches": 4}), make_dataset(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla V100")
    for capable in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, c=capable: c)
        check_precision("float32", "elm", torch.device("cuda"))
        if capable:
            check_precision("bfloat16", "tcn", torch.device("cuda"))
        else:
            with pytest.raises(InputError, match="Tesla V100 does not compute so; use float32") as error:
                check_precision("bfloat16", "tcn", torch.device("cuda"))
            assert "\n" not in str(error.value)
