"""The file of a network: what it may say, and a line for everything that it may not."""

import pytest

from apical.simulate.schema import InputError
from apical.surrogate.network.config import read_network

RIGHT = {
    "duration_ms": 100,
    "groups": [{"name": "a", "model": "l5pc-nmda", "n": 3}, {"name": "b", "model": "l5pc-nmda", "n": 2}],
    "connections": [{"pre": "a", "post": "b", "probability": 0.5, "weight": -2, "delay_ms": [1, 4]}],
}
ONE = {"model": "l5pc-nmda", "n": 3}


def test_a_file_is_the_same_as_its_fields(tmp_path):
    (tmp_path / "network.toml").write_text(
        "\ufeffduration_ms = 100\n"
        '[[groups]]\nname = "a"\nmodel = "l5pc-nmda"\nn = 3\n[[groups]]\nname = "b"\nmodel = "l5pc-nmda"\nn = 2\n'
        '[[connections]]\npre = "a"\npost = "b"\nprobability = 0.5\nweight = -2\ndelay_ms = [1, 4]\n'
    )
    config, called, folder = read_network(tmp_path / "network.toml")
    assert config == read_network(RIGHT)[0]
    assert (called, folder) == (str(tmp_path / "network.toml"), tmp_path)
    assert config.connections[0].delay_ms == (1, 4)


@pytest.mark.parametrize("rate", [5, 2.5, [1, 2, 3], {"excitatory": 5}, {"excitatory": 5, "inhibitory": 0}])
def test_rates(rate):
    assert read_network(RIGHT | {"groups": [ONE | {"poisson_hz": rate}], "connections": []})


def rule(**fields):
    return {"connections": [{"probability": 0.1, **fields}]}


BAD = [
    ({"duration_ms": 0}, "duration_ms: Input should be greater than or equal to 1, not 0"),
    ({"duration": 5}, "'duration' is not a setting: did you mean 'duration_ms'?"),
    ({"groups": []}, "groups: Tuple should have at least 1 item"),
    ({"groups": [{"model": "l5pc-nmda"}]}, "groups.0.n: Field required"),
    ({"groups": [ONE | {"n": 2.5}]}, "groups.0.n: Input should be a valid integer"),
    ({"groups": [ONE | {"name": "a b"}]}, "groups.0.name: String should match"),
    ({"groups": [ONE | {"name": "a"}] * 2}, "groups: two are called 'a'; give each a name of its own"),
    ({"groups": [ONE | {"poisson_hz": "fast"}]}, "poisson_hz is 'fast', expected Hz, {excitatory = Hz"),
    ({"groups": [ONE | {"poisson_hz": {"exc": 1}}]}, "poisson_hz is {'exc': 1}, expected Hz"),
    ({"groups": [ONE | {"poisson_hz": [1, "x"]}]}, r"poisson_hz is \[1, 'x'\], expected Hz"),
    ({"groups": [ONE | {"poisson_hz": float("nan")}]}, "groups.0.poisson_hz.*finite number, not nan"),
    ({"threshold": 1.5}, "threshold: Input should be less than 1, not 1.5"),
    ({"seed": -1}, "seed: Input should be greater than or equal to 0, not -1"),
    ({"record": [5]}, "record: neuron 5 of 5, from 0 on"),
    ({"record": [-1]}, "record: neuron -1 of 5, from 0 on"),
    (rule(pre="c"), "connections: pre is 'c', expected a group: there are a, b"),
    (rule(probability=1.5), "connections.0.probability: Input should be less than or equal to 1, not 1.5"),
    (rule(in_degree=3), "connections: have probability and in_degree of file, probability, in_degree; give one"),
    (rule(probability=None), "connections: have none of file, probability, in_degree; give one"),
    (rule(probability=None, in_degree=0), "connections.0.in_degree: Input should be greater than or equal to 1, not 0"),
    (rule(weight=float("nan")), "connections.0.weight: Input should be a finite number, not nan"),
    (rule(delay_ms=-3), "delay_ms is -3, expected whole ms from 1 to 65,535"),
    (rule(delay_ms=1.5), "delay_ms is 1.5, expected whole ms, or .LEAST, MOST. of them"),
    (rule(delay_ms=[4, 2]), r"delay_ms is \[4, 2\], expected whole ms from 1"),
    (rule(delay_ms=70_000), "delay_ms is 70000, expected whole ms from 1 to 65,535"),
    (rule(population="a__a"), "connections: population is of SONATA edges"),
    (rule(sinapse=1), "'connections.0.sinapse' is not a setting"),
]


@pytest.mark.parametrize("change, told", BAD)
def test_what_is_no_network(change, told):
    with pytest.raises(InputError, match=f"^network: {told}"):
        read_network(RIGHT | change)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)
    for name in ("none.toml", "binary.toml", "deep.toml"):
        with pytest.raises(InputError, match=rf"{name}: the network cannot be read"):
            read_network(tmp_path / name)
