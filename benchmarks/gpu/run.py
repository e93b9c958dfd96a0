"""Every check of this folder, each a process of its own with a limit of its own; logs kept whole, a table last.

    python benchmarks/gpu/run.py all --out found --limit 540
    python benchmarks/gpu/run.py kernel equal --out found          # by name; --list tells them
    python benchmarks/gpu/run.py all --out found --dry-run         # tiny, without a GPU: see README.md

The checkout is used as it lies there, not installed. What no longer fits into --limit is left out, from the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from checks import HERE, ROOT, Check, checks

FOLDERS = ("analysis", "cli", "simulate", "surrogate")
LEAST_S = 8  # a check with less time than this is not begun
TAIL_LINES = 12  # of each log


class Ended(NamedTuple):
    """How a check ended: its exit status or why there is none, its seconds, and its key figure."""

    name: str
    how: str
    s: float
    figure: str


def lay_out(folder: Path) -> Path:
    """The checkout under its import name: a folder for PYTHONPATH, with links."""
    package = folder / "apical"
    package.mkdir(parents=True, exist_ok=True)
    for source in [*(ROOT / "package").iterdir(), *(ROOT / name for name in FOLDERS)]:
        link = package / source.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    told = folder / "apical-0.1.0.dist-info" / "METADATA"
    told.parent.mkdir(exist_ok=True)
    told.write_text("Metadata-Version: 2.1\nName: apical\nVersion: 0.1.0\n")
    return folder


def environment(out: Path, site: Path | None, dry: bool) -> dict[str, str]:
    """What the processes of the checks see."""
    path = [HERE / "pretend"] if dry else []
    path += [lay_out(out / "import"), *([site] if site else [])]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONUNBUFFERED": "1"}
    found |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CUPY_CACHE_DIR": str(out / "cupy"), "MPLBACKEND": "agg"}
    if site:
        found["PATH"] = os.pathsep.join([str(site / "bin"), found.get("PATH", "")])
    if dry:
        found |= {"TRITON_INTERPRET": "1", "TORCHDYNAMO_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return found


class Running:
    """A check under way, its output going to a file."""

    def __init__(self, check: Check, out: Path, of: Mapping[str, str]) -> None:
        self.check, self.log = check, out / f"{check.name}.log"
        self._began_s = time.monotonic()
        with self.log.open("w") as log:
            log.write(f"$ {' '.join(check.command)}\n")
            log.flush()
            self._process = subprocess.Popen(
                check.command, stdout=log, stderr=subprocess.STDOUT, env=dict(of), cwd=ROOT, start_new_session=True
            )

    def ended(self, limit_s: float) -> Ended:
        """Wait for it, and end it with all that it started once it has had `limit_s` from its begin."""
        left_s = max(0.0, limit_s - (time.monotonic() - self._began_s))
        try:
            how = str(self._process.wait(left_s))
        except subprocess.TimeoutExpired:
            how = "too long"
        self.kill()
        took_s = time.monotonic() - self._began_s
        return Ended(self.check.name, how, took_s, self.check.figure(self.log.read_text(errors="replace")))

    def kill(self) -> None:
        for group in {os.getpgid(pid) for pid in family(self._process.pid)} if self._process.poll() is None else ():
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def family(pid: int) -> list[int]:
    """A process and all that descend from it, also those with a session of their own, as compilers have here."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:  # which grows
        found += [child for child, parent in parents.items() if parent == each]
    return found


def run(chosen: list[Check], out: Path, of: Mapping[str, str], limit_s: float) -> list[Ended]:
    """Each in turn. Mechanisms compile beside those that need none."""
    began_s = time.monotonic()
    found: list[Ended] = []
    compiling: Running | None = None

    def tell(ended: Ended, log: Path | None = None) -> None:
        found.append(ended)
        print(f"[{time.monotonic() - began_s:6.1f} s] {ended.name}: {ended.how}, {ended.s:.1f} s", flush=True)
        if log:
            print(*log.read_text(errors="replace").splitlines()[-TAIL_LINES:], sep="\n", flush=True)

    try:
        for check in chosen:
            if check.compiled and compiling:
                tell(compiling.ended(min(compiling.check.limit_s, limit_s)), compiling.log)
                compiling = None
            left_s = limit_s - (time.monotonic() - began_s)
            missing = check.needs and not shutil.which(check.needs, path=of["PATH"])
            if missing or left_s < LEAST_S:
                tell(Ended(check.name, f"left out: {f'no {check.needs}' if missing else 'no time'}", 0.0, ""))
                continue
            running = Running(check, out, of)
            if check.name == "mechanisms":
                compiling = running
                continue
            try:
                tell(running.ended(min(check.limit_s, left_s)), running.log)
            finally:
                running.kill()
        if compiling:
            tell(compiling.ended(min(compiling.check.limit_s, limit_s)), compiling.log)
            compiling = None
    finally:
        if compiling:
            compiling.kill()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of checks, or all")
    parser.add_argument("--out", type=Path, default=Path("found"), help="folder of the logs")
    parser.add_argument("--limit", type=float, default=540.0, metavar="SECONDS", help="of everything together")
    parser.add_argument(
        "--site", type=Path, help="folder of packages [default: site beside the checkout, if it is there]"
    )
    parser.add_argument("--data", type=Path, help="dataset to fit to [default: data.zarr beside the checkout]")
    parser.add_argument("--morphology", help="a file, in place of ttpc1")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    given = parser.parse_args()
    out = given.out.resolve()
    beside = ROOT.parent / "site"
    site = (given.site or (beside if beside.is_dir() else None)) and (given.site or beside).resolve()
    data = (given.data or (out if given.dry_run else ROOT.parent) / "data.zarr").resolve()
    every = checks(data, given.morphology, given.dry_run)
    unknown = set(given.names) - {"all", *(check.name for check in every)}
    if given.list or unknown or not given.names:
        print(*(f"unknown: {name}" for name in sorted(unknown)), sep="\n")
        print(*(f"{check.name:<20}{check.limit_s:>5} s" for check in every), sep="\n")
        return 2 if unknown else 0
    chosen = [check for check in every if "all" in given.names or check.name in given.names]
    out.mkdir(parents=True, exist_ok=True)
    of = environment(out, site, given.dry_run)
    wanted = any(str(data) in check.command for check in chosen)
    if given.dry_run and wanted and not data.exists():
        made = ["simulate", "ball-and-stick", "--trials", "12", "--seconds", "1.1", "--out", str(data)]
        subprocess.run([sys.executable, "-m", "apical.cli", *made], env=of, check=True, stdout=subprocess.DEVNULL)
    if wanted and not data.exists():
        print(f"{data} is not there: checks that fit to it will fail; give --data")
    found = run(chosen, out, of, given.limit)
    table = [f"{'check':<20}{'ended':>18}{'s':>8}  key figure"]
    table += [f"{each.name:<20}{each.how:>18}{each.s:>8.1f}  {each.figure[:150]}" for each in found]
    (out / "table.txt").write_text("\n".join(table) + "\n")
    print("", *table, sep="\n")
    return 0 if all(each.how == "0" or each.how.startswith("left out") for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
