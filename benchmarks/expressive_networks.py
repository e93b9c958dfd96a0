"""What our closed form of information makes of the published networks of ELM neurons, and of what it has not seen.

    python benchmarks/expressive_networks.py

Fits it to each published table (analysis/comparison/published/networks), prints score by score, and fits it again
without the two ends, which it then has to say. Of SHD-Adding the validation accuracy is taken: published ones of the
test lie 0.03 to 0.20 lower and jump by up to 0.1 from one size to the next.
"""

from __future__ import annotations

import argparse

import numpy as np

from apical.analysis.sequences.information import Information, Units, fit_information, predicted
from apical.analysis.sequences.published import PublishedNetwork, published_networks

CLASSES = {"SHD-Adding": 19, "Enwik8": None}


def growth(row: PublishedNetwork) -> float:
    """d log c by d log d_m of the parameters of a neuron."""
    d, b, s = row.d_m, row.n_branches, row.synapses_per_branch
    of_one = b * s + 2 * d * (d + b + 1) + d * (2 * d + 1) + d + 1
    return d * (8 * d + 2 * b + 4) / of_one


def told(model: Information, there: float) -> str:
    return (
        f"D {model.directions:.2f}, sigma^2 {model.noise:.2f}, kappa_e {model.states:.2f}, "
        f"a {model.states_exponent:.1f}, rho {model.shared:.4f}, {there:.2f} bits there"
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for task, n_classes in CLASSES.items():
        rows = [row for row in published_networks() if row.task == task]
        numbers = np.array([[row.n_neurons, row.d_m, row.n_branches * row.synapses_per_branch] for row in rows], float)
        units = Units(*numbers.T)
        score = np.array([row.validation_accuracy if n_classes else row.bits_per_character for row in rows])
        model, there = fit_information(units, score, n_classes=n_classes)
        said = predicted(model, units, there, n_classes)
        inner = slice(1, -1)
        less, of_less = fit_information(Units(*numbers[inner].T), score[inner], n_classes=n_classes)
        unseen = predicted(less, units, of_less, n_classes)
        gain = model.gain(units, np.array([growth(row) for row in rows]))
        print(f"{task}: {told(model, there)}; error {np.sqrt(np.mean((said - score) ** 2)):.4f} (root mean square)")
        print(f"  without both ends: {told(less, of_less)}")
        print("    N   d_m   measured   closed form   without both ends   gain of complexity")
        for row, *values in zip(rows, score, said, unseen, gain, strict=True):
            print("{:5} {:5} {:10.4f} {:13.4f} {:19.4f} {:20.2f}".format(row.n_neurons, row.d_m, *values))


if __name__ == "__main__":
    main()
