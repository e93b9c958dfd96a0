#!/usr/bin/env bash
# Guess: the conductance densities of a published neuron model are zero or above.
# What happens: in the MEArec 1.11.0 wheel six of the thirteen layer 5 models of the Blue Brain Project (those of type bAC217)
#   spread two potassium currents along the dendrites by (-0.8696 + 2.087 exp(-0.003 (distance + 1000))), which is below zero
#   at every distance. The model runs, with those currents turned round.
# Why it matters here: a check that refuses negative densities refuses the published cells; a check that is not there hides a
#   user's slip. They are allowed where the parameter file says so (simulate/cell/parameters/bac217.toml).
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip download -q --disable-pip-version-check --no-deps --only-binary=:all: MEArec==1.11.0
venv/bin/python - <<'END'
import math, re, zipfile
from glob import glob

written = r'distribute\(\$o1\.basal,"(\w+)","\((-[\d.]+) \+ ([\d.]+)\*exp\(\(%g-(-?[\d.]+)\)\*(-[\d.]+)\)\)\*([\d.]+)"\)'
models = {}
with zipfile.ZipFile(glob("*.whl")[0]) as wheel:
    for file in wheel.namelist():
        if "/bbp/" in file and file.endswith("biophysics.hoc"):
            found = re.findall(written, wheel.read(file).decode())
            models[file.split("/")[-2]] = {
                name: max(float(s) * (float(a) + float(b) * math.exp((um - float(c)) * float(d))) for um in range(1500))
                for name, a, b, c, d, s in found
            }
negative = {model: values for model, values in models.items() if values}
for model, values in sorted(negative.items()):
    print(model, *(f"{name}: {value:.3g} S/cm2 at most" for name, value in sorted(values.items())))
assert len(models) == 13 and len(negative) == 6, (len(models), len(negative))
for values in negative.values():
    assert set(values) == {"gImbar_Im", "gK_Tstbar_K_Tst"} and max(values.values()) < 0, values
END
