"""How much of a folder of NMODL files engine batched runs as plain NEURON does.

    python benchmarks/nmodl_coverage.py FOLDER [FOUND.jsonl]

As `apical mechanisms FOLDER` without CoreNEURON: each file that NEURON compiles and runs goes through a second of
current steps and noise in one compartment, in both orders of accuracy. Prints what came of them, and refusals by
construct with the number of files. FOUND keeps a line of each file; those that it has already are not tried again.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from apical.simulate.cores import available_cores
from apical.simulate.validation.own_mechanisms import AGREE_MV, survey

OF_A_PLACE = re.compile(r"^.*?\.mod(?:, line \d+)?: ", re.IGNORECASE)
NAMES = re.compile(r"\b(POINTER|variable|weight|function|index of|has a|process|constant|SOLVE|differs:) \w+")


def main(folder: Path, found: Path | None) -> None:
    rows = [json.loads(line) for line in found.read_text().splitlines()] if found and found.exists() else []
    files = sorted(each for each in folder.iterdir() if each.suffix == ".mod")
    left = [each for each in files if each.name not in {row["file"] for row in rows}]
    if left:
        rows += _tried(left, found)
    outcomes, reasons = Counter[str](), Counter[str]()
    for row in rows:
        outcome, reason = _outcome(row)
        outcomes[outcome] += 1
        reasons[f"{outcome}: {reason}"] += bool(reason)
    for name, count in outcomes.most_common():
        print(f"{count:5}  {name}")
    print()
    for name, count in (+reasons).most_common():
        print(f"{count:5}  {name}")


def _tried(files: list[Path], found: Path | None) -> list[dict]:
    rows = []
    with TemporaryDirectory() as work:
        for each in files:
            (Path(work) / each.name).symlink_to(each.resolve())
        for row in survey(work, workers=available_cores(), without=["coreneuron"]):
            rows.append(row.plain())
            if found:
                with found.open("a") as lines:
                    lines.write(json.dumps(rows[-1]) + "\n")
    return rows


def _outcome(row: dict) -> tuple[str, str]:
    refusals = row["refusals"]
    if not row["mechanism"]:
        return "no mechanism", ""
    if "neuron" in refusals:
        return "plain NEURON does not run it", _construct(refusals["neuron"])
    if "batched" in refusals:
        return "refused by batched", _construct(refusals["batched"])
    apart_mv = max(row["differences_mv"]["batched"].values())
    return ("within 1e-3 mV", "") if apart_mv <= AGREE_MV else ("differs", f"{row['file']} by {apart_mv:.2g} mV")


def _construct(refusal: str) -> str:
    """A refusal without file, line and names."""
    return NAMES.sub(r"\1 …", OF_A_PLACE.sub("", refusal).partition(" is not supported")[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
