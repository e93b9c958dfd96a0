"""Each construct of NMODL that synapses use, in made-up ones: the same voltages as plain NEURON; what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from apical.simulate.engine.batched import events, program, support, syntax
from apical.simulate.mechanisms.nmodl import Source
from apical.simulate.schema import InputError

SECTIONS = (
    "plastic",
    "onset",
    "delayed",
    "no pool",
    "pool alone",
    "all",
    "potassium",
    "pulse",
    "release",
    "failing",
    "ring",
)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[float]]:
    script = Path(__file__).with_name("synapse_constructs.py")
    folder = tmp_path_factory.mktemp("synapses")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_same_voltages_as_neuron(found, section, order):
    """NEURON takes dI/dv from a difference of 0.001 mV."""
    difference_mv, range_mv = found[f"{section}, order {order}"]
    assert range_mv > 10, "nothing moved, so nothing was tested"
    assert difference_mv < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_nearly_the_same_in_32_bits(found, section):
    difference_mv, _ = found[f"{section}, 32 bits"]
    assert difference_mv < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["streamed", "on chip"])
def test_threads_of_a_gpu_give_what_the_cpu_gives(found, layout):
    difference_mv, range_mv = found[f"threads, {layout}"]
    assert range_mv > 10
    assert difference_mv < 1e-9


HEAD = """NEURON { POINT_PROCESS made NONSPECIFIC_CURRENT i
    USEION ca READ eca, cai WRITE ica
}
ASSIGNED { v i eca cai ica a }
STATE { g }
BREAKPOINT {
    SOLVE s METHOD cnexp
    i = g*v
    ica = 0
}
"""
DECAY = "DERIVATIVE s { g' = -g }\n"
# NMODL after HEAD, | before the word whose line is told -> what is said
REFUSED = {
    DECAY + "NET_RECEIVE(|w) {\n|w = w*2\n g = g + w }": "a change of weight w, which NEURON keeps from run to run,",
    **{
        DECAY + f"NET_RECEIVE(w, n) {{\n\n|INITIAL {{ a = {given} }}\n g = g + w*a }}": (
            "INITIAL in NET_RECEIVE that sets other than weights from weights, or from what it was,"
        )
        for given in ("w", "n", "a + 1")
    },
    DECAY + "NET_RECEIVE(w) {\n if (flag == 0) { |net_send(-1, 1) } else { g = g + w } }": (
        "net_send with a negative delay"
    ),
    DECAY + "NET_RECEIVE(w) {\n |net_move(1)\n}": "the function net_move",
    DECAY
    + "NET_RECEIVE(w) {\n if (|scop_random() > 0.1) { g = g + w } }": "a random number (scop_random) that decides",
    "DERIVATIVE s { g' = -g }\nINITIAL {\n g = |random_uniform(a) }\nNET_RECEIVE(w) { g = g + w }": (
        "a random number (random_uniform) that decides"
    ),
    DECAY + "INITIAL {\n |net_send(1, 1)\n}\nNET_RECEIVE(w) { g = g + w }": (
        "net_send in INITIAL for an event that looks at weights, of which it has none,"
    ),
    DECAY + "NET_RECEIVE(w) {\n |WATCH (v > 3) 2\n}": "WATCH",
    DECAY + "NET_RECEIVE(w) { g = g + w*cai }": "a point process of which a state or an event follows cai",
    "DERIVATIVE s { g' = -g*eca }": "a point process of which a state or an event follows eca",
}


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_refused(written):
    text = HEAD + written
    line = text[: text.rindex("|")].count("\n") + 1 if "|" in written else 2
    told = str(support.refusal(["made"], {"made": Source(file="made.mod", text=text.replace("|", ""))}))
    assert told.startswith(f"made.mod, line {line}: {REFUSED[written]} is not supported by engine 'batched'; ")


@pytest.mark.parametrize(
    "used, said", [("READ ica", "READ ica"), ("READ eca WRITE cai", "WRITE cai"), ("READ cai, ica", "READ ica")]
)
def test_what_of_an_ion_is_refused(used, said):
    text = HEAD.replace("READ eca, cai WRITE ica", used) + DECAY
    told = str(support.refusal(["made"], {"made": Source(file="made.mod", text=text)}))
    assert told.startswith(f"made.mod, line 2: {said} in a point process is not supported")


def test_a_weight_that_every_event_sets_need_not_begin():
    text = HEAD + DECAY + "NET_RECEIVE(w, n, m) {\n INITIAL { m = 0 }\n n = 2*w\n m = m + 1\n g = g + n*m }"
    assert support.refusal(["made"], {"made": Source(file="made.mod", text=text)}) is None


def test_a_breakpoint_that_reads_what_a_synapse_writes_is_refused():
    """NEURON would show it what mechanisms before it have written."""
    text = "NEURON {\n SUFFIX made USEION ca READ ica\n NONSPECIFIC_CURRENT i }\nASSIGNED { v i ica }\n"
    group = support._anywhere(syntax.parse(text + "BREAKPOINT { i = 0.1*ica + v }", "made.mod"))
    group.added = {"ca"}
    with pytest.raises(
        InputError, match=r"^made\.mod, line 2: a BREAKPOINT that reads ica, which a synapse writes, is"
    ):
        program.write(group, 0.025, -65.0, second_order=False)


def test_connections_that_share_a_synapse_with_weights_of_their_own_are_refused():
    text = HEAD + DECAY + "NET_RECEIVE(w, n) {\n n = n + 1\n g = g + n*w }"
    group = support._anywhere(syntax.parse(text, "made.mod"))
    group.names = ["made[0]"]
    connection = SimpleNamespace(syn=lambda: SimpleNamespace(hname=lambda: "made[0]"), weight=[1.0, 3.0])
    events.read_weights([group], [[connection]])
    assert group.values["made.NetCon.n"].tolist() == [3.0]
    with pytest.raises(InputError, match=r"^made\[0\]: has several connections, each with weights of its own"):
        events.read_weights([group], [[connection], [connection]])
