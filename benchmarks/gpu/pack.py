"""One archive with all that a bare machine needs for run.py: packages, the checkout, a dataset to fit to.

    python benchmarks/gpu/pack.py --out build/gpu
    python benchmarks/gpu/pack.py --out build/gpu --site-only

Fetches the wheels of wheels.txt for --python and --platform, whatever this Python is, and puts into OUT the folders
site (packages, without tests and NEURON's windows; of MEArec the two reconstructions alone), checkout
(the committed files that the checks use) and data.zarr (simulated here), then packs them as OUT.tar.xz. Refuses an
archive of more than --most MB.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64")
CHECKOUT = (
    "analysis",
    "benchmarks",
    "cli",
    "package",
    "simulate",
    "surrogate",
    "tests",
    "conftest.py",
    "pyproject.toml",
)
DROPPED = (
    "**/tests",
    "**/__pycache__",
    "neuron/.data/lib/libinterviews.a",
    "neuron/.data/lib/libunidraw.a",
    "neuron/.data/bin/idraw",
    "neuron/.data/bin/idemo",
    "neuron/.data/bin/iclass",
    "neuron/gui2",
    "neuron/rxd",
)
KEPT_OF_MEAREC = "cell_models/bbp/L5_TTPC[12]_cADpyr232_1/morphology/*.asc"
INTERPRETER = b"#!/usr/bin/env python3\n"


def packages(site: Path, wheels: Path, python: str) -> None:
    """The wheels of wheels.txt, unpacked into `site`."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    target = ["--python-version", python, "--implementation", "cp"]
    target += [word for platform in PLATFORMS for word in ("--platform", platform)]
    only = ["--no-deps", "--only-binary=:all:", *target]
    subprocess.run([*pip, "download", *only, "--dest", wheels, "-r", HERE / "wheels.txt"], check=True)
    found = [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    subprocess.run([*pip, "install", "--no-index", "--no-compile", *only, "--target", site, *found], check=True)
    mearec = site / "MEArec"
    kept = {path: path.read_bytes() for path in mearec.glob(KEPT_OF_MEAREC)}
    shutil.rmtree(mearec)
    for path, content in {**kept, mearec / "__init__.py": b""}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in [path for pattern in DROPPED for path in site.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for script in (site / "bin").iterdir():  # they name the interpreter of this machine
        first, _, rest = script.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            script.write_bytes(INTERPRETER + rest)


def checkout(folder: Path) -> None:
    """The committed files that the checks use."""
    listed = subprocess.run(["git", "ls-files", "-z", *CHECKOUT], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/gpu"))
    parser.add_argument("--python", default="3.12")
    parser.add_argument("--preset", default="nmda-ttpc1")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--most", type=float, default=60.0, help="MB of the archive")
    parser.add_argument("--site-only", action="store_true", help="no checkout, no dataset")
    given = parser.parse_args()
    out = given.out.resolve()
    for name in ("site", "checkout", "data.zarr"):
        shutil.rmtree(out / name, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    packages(out / "site", out / "wheels", given.python)
    parts = ["site"]
    if not given.site_only:
        checkout(out / "checkout")
        simulated = ["simulate", given.preset, "--trials", str(given.trials), "--workers", "2"]
        subprocess.run([sys.executable, "-m", "apical.cli", *simulated, "--out", out / "data.zarr"], check=True)
        parts += ["checkout", "data.zarr"]
    archive = out.with_name(out.name + ".tar.xz")
    with tarfile.open(archive, "w:xz") as packed:
        for part in parts:
            packed.add(out / part, part)
    size_mb = archive.stat().st_size / 1e6
    print(f"{archive}: {size_mb:.1f} MB")
    return 0 if size_mb <= given.most else 1


if __name__ == "__main__":
    sys.exit(main())
