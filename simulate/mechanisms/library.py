"""NMODL compiled for NEURON and CoreNEURON: once per machine, kept in the user's cache, then loaded.

What is shipped is one library. A cell that brings mechanisms of its own has a library for itself, of what it needs.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .. import processes
from ..folders import cache_folder
from ..schema import InputError, making, notebook
from . import complaints, fused_check, fusible, fusion, nmodl
from .nmodl import Source

# For this processor; -fopenmp-simd vectorises the mechanisms over segments.
FLAGS = "-O3 -march=native -ffast-math -fopenmp-simd"
LONGEST_S, EACH_S = 240.0, 60.0  # of nrnivmodl, and more for each file; a file takes a second or two, ten beside others
NEURON_LIBRARY, CORENEURON_LIBRARY = "libnrnmech", "libcorenrnmech"

Groups = frozenset[tuple[str, ...]]  # mechanisms that stand together in a region, and are fused where they can be
Busy = Callable[[str], AbstractContextManager]  # shows a message for as long as it is entered
ALWAYS = ("AMPA_NMDA", "EpspCurrent", "Receptor")  # what is placed on any cell
FOR_FIXED_STEPS = ("AMPA_NMDA", "Receptor")  # see fusion.step


class Own(NamedTuple):
    """The NMODL of a cell that brings mechanisms of its own: all that it needs, mechanism -> file and text.

    coreneuron: whether for CoreNEURON too, whose translator refuses more than NEURON's.
    """

    sources: Mapping[str, Source]
    coreneuron: bool = False


_loaded: tuple[Path, bool] | None = None  # this process's library, and whether it is of one cell


@contextmanager
def announce(message: str) -> Iterator[None]:
    """Say `message`, on standard error or below a notebook's cell: for those who show no spinner."""
    if notebook.in_notebook():
        with notebook.waiting(message):
            yield
        return
    print(message + " …", file=sys.stderr)
    yield


def needed(own: Mapping[str, Source], mechanisms: Iterable[str], coreneuron: bool) -> Own | None:
    """What is compiled for a cell of these mechanisms, some of its own; None where it has none of its own."""
    if not own:
        return None
    shipped = nmodl.by_name(nmodl.sources())
    named = {name: shipped[name] for name in (*ALWAYS, *mechanisms) if name in shipped}
    return Own(dict(sorted((named | dict(own)).items())), coreneuron)


def _sources(together: Groups, own: Own | None = None) -> dict[str, str]:
    """Everything that is compiled, mechanism -> NMODL: the files, and for fixed steps (see fusion) the receptors and
    each group as one, unless it cannot be."""
    shipped = {file.stem: file.read_text(encoding="utf-8") for file in nmodl.sources()}
    single = {name: source.text for name, source in own.sources.items()} if own else shipped
    stepped = [name for name in FOR_FIXED_STEPS if name in single and single[name] == shipped[name]]
    made = {fusion.name_of_stepped(name): fusion.step(name, single[name]) for name in stepped}
    for group in together:
        with suppress(fusion.CannotFuse):
            made[fusion.name_of(group)] = fusion.fuse(group, single)
    return single | dict(sorted(made.items()))


def key(together: Groups, own: Own | None = None) -> str:
    """What the compiled library depends on, as 16 hex digits: sources, what fuses them, NEURON version, flags, and this
    processor.

    The processor counts because -march=native does and a cache folder may be shared between machines.
    """
    from importlib.metadata import version

    digest = hashlib.sha256()
    generators = map(
        inspect.getsource, (fusion, fusible)
    )  # what they make is not made here: that takes NEURON's parser
    groups = (" ".join(group) for group in sorted(together))
    files = [f"{file.stem}\0{file.read_text(encoding='utf-8')}" for file in nmodl.sources()]
    if own:
        files = [f"{name}\0{source.text}" for name, source in own.sources.items()]
        files.append(f"for CoreNEURON: {own.coreneuron}")
    machine = (version("neuron"), FLAGS, platform.machine(), processor(), sys.version.split()[0])
    for part in (*machine, *generators, *groups, *files):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def compiled(together: Groups, busy: Busy = announce, own: Own | None = None) -> Path:
    """The folder of the compiled library, which is made first where it is not there (about a minute; of a cell's own,
    seconds).

    together: see biophysics.mechanism_groups. own: see `needed`; None for all that is shipped.
    busy: called with a message, its result is entered while the compiler runs.
    Safe when several processes ask at once: one compiles, the others wait.
    Raises InputError without a C++ compiler or make, or where the compiler fails: with the line of an own file.
    """
    from filelock import FileLock

    target = cache_folder() / "mechanisms" / key(together, own)
    coreneuron = own is None or own.coreneuron
    if own is not None and not coreneuron:  # what was compiled for both is good for NEURON
        both = cache_folder() / "mechanisms" / key(together, own._replace(coreneuron=True))
        target = both if _complete(both) else target
    if _complete(target, coreneuron):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(target) + ".lock"):
            if not _complete(target, coreneuron):
                check_tools()
                how_long = "some seconds" if own else "about a minute"
                with busy(f"Compiling the membrane mechanisms (once, {how_long})"):
                    _compile(target, together, own)
    except OSError as error:
        raise InputError(f"cache folder {target.parent}: cannot be used ({error}); set XDG_CACHE_HOME") from error
    return target


def load(together: Groups, busy: Busy = announce, own: Own | None = None) -> None:
    """Load the mechanisms into this process's NEURON, and name them to CoreNEURON. Raises InputError as `compiled`.

    NEURON takes one library a process: where another one of what is shipped is loaded, the groups that it lacks stay
    single. Raises InputError where the other one is of a cell with mechanisms of its own, or this one would be.
    """
    global _loaded
    folder = compiled(together, busy, own)
    if _loaded is not None:
        if _loaded[0] != folder and (_loaded[1] or own):
            raise InputError(
                "this process has the mechanisms of another cell, and NEURON takes them once: build a cell with "
                "mechanisms of its own in a process of its own (restart the workers of a --scheduler)"
            )
        return
    from neuron import h

    if not hasattr(h, "AMPA_NMDA"):
        os.environ["CORENEURONLIB"] = str(_library(folder, CORENEURON_LIBRARY))
        try:
            h.nrn_load_dll(str(_library(folder, NEURON_LIBRARY)))
        except RuntimeError as error:
            if (wrong := fused_check.not_loaded(str(error))) is None:
                raise
            raise wrong from error
    _loaded = folder, own is not None


class _Unexplained(InputError):
    """What was compiled does not compile, and no file of a user's is named."""


def check_tools() -> None:
    """Raise InputError without a C++ compiler or make."""
    for tool, use in ((os.environ.get("CXX", "g++").split()[0], "C++ compiler"), ("make", "make")):
        if shutil.which(tool) is None:
            raise InputError(
                f"no {use}: '{tool}' is not on PATH, and NEURON needs it for the mechanisms; install it "
                "(Debian and Ubuntu: apt-get install g++ make), or name a compiler in CXX"
            )


def _compile(target: Path, together: Groups, own: Own | None) -> None:
    # The wheel's nrnivmodl is a script beside the interpreter, whether or not the environment is activated.
    beside = Path(sys.executable).with_name("nrnivmodl")
    script = str(beside) if beside.exists() else shutil.which("nrnivmodl")
    if script is None:
        raise InputError("nrnivmodl is not on PATH: `pip install neuron` brings it")
    log = target.with_suffix(".log")
    with making(target) as work:
        try:
            _build(work, script, _sources(together, own), own, log)
        except _Unexplained:  # of no file that the user wrote: then of the one that was made from several
            if own is None or not together:
                raise
            shutil.rmtree(work)
            _build(work, script, _sources(frozenset(), own), own, log)
            print(f"the mechanisms of a region stay single: as one they do not compile ({log})", file=sys.stderr)
        fused = [group for group in together if (work / "mod" / f"{fusion.name_of(group)}.mod").is_file()]
        apart_mv = fused_check.differences_mv(_library(work, NEURON_LIBRARY), fused)
        if parted := {group: mv for group, mv in apart_mv.items() if not mv <= fused_check.AGREE_MV}:
            for group, mv in parted.items():
                print(f"{', '.join(group)} stay single: as one mechanism they differ by {mv:.3g} mV", file=sys.stderr)
            shutil.rmtree(work)
            _build(work, script, _sources(together - set(parted), own), own, log)


def _build(work: Path, script: str, sources: Mapping[str, str], own: Own | None, log: Path) -> None:
    """Compile `sources`, mechanism -> NMODL, in the folder `work`."""
    (work / "mod").mkdir(parents=True)
    for name, text in sources.items():
        (work / "mod" / f"{name}.mod").write_text(text, encoding="utf-8")
    coreneuron = own is None or own.coreneuron
    command = [sys.executable, script, *["-coreneuron"] * coreneuron, "-incflags", FLAGS, "mod"]
    limit_s = LONGEST_S + EACH_S * len(sources)
    try:
        done = processes.command(command, limit_s, work, _environment())
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{_at_work(work, sources, own)}: nrnivmodl was stopped after {limit_s:g} s, which no usual file takes; "
            "NEURON's translator never ends on some: take it out of the folder, or apart to find what it is"
        ) from error
    if done.returncode or not _complete(work, coreneuron):
        log.write_text(done.stdout + done.stderr)
        if complaint := complaints.of_a_file(done.stdout + done.stderr, own.sources if own else {}):
            raise InputError(f"{complaint} (all that the compiler said: {log})")
        raise _Unexplained(f"the mechanisms did not compile (nrnivmodl exit status {done.returncode}): see {log}")


def _at_work(work: Path, sources: Mapping[str, str], own: Own | None) -> str:
    """The files of a user's that are not translated yet."""
    files = {name: own.sources[name].file for name in sources if own and name in own.sources}
    left = sorted(file for name, file in files.items() if not [*work.glob(f"*/{name}.cpp")])
    return f"mechanisms {', '.join(left or sorted(files.values()))}" if files else "the mechanisms"


def _environment() -> dict[str, str]:
    """What the compiler runs in: without what `import neuron` has set in this process, which misleads NMODL."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NEURONHOME", "NMODLHOME")}
    return kept | {"PYTHONWARNINGS": "ignore"}


def _library(folder: Path, name: str) -> Path:
    return folder / platform.machine() / f"{name}{'.dylib' if sys.platform == 'darwin' else '.so'}"


def _complete(folder: Path, coreneuron: bool = True) -> bool:
    wanted = (NEURON_LIBRARY, *[CORENEURON_LIBRARY] * coreneuron)
    return all(_library(folder, name).is_file() for name in wanted)


def processor() -> str:
    """What the compiler may use of this processor, as text."""
    try:
        with Path("/proc/cpuinfo").open() as info:
            return next((line for line in info if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()
