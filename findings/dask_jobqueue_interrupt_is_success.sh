#!/usr/bin/env bash
# Guess: importing a library leaves Ctrl-C alone: Python raises KeyboardInterrupt, and the shell sees status 130.
# What happens: `import dask_jobqueue` (0.9.0) sets a handler of SIGINT for the whole process, which calls
#   sys.exit(): `except KeyboardInterrupt` is never reached, and an interrupted program ends with status 0, as if it had
#   finished.
# Why it matters here: a script that asks SLURM for workers with it and simulates on them, as our guide shows, would be
#   taken for done when it was stopped half-way.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q --disable-pip-version-check dask-jobqueue==0.9.0
cat > "$room/interrupted.py" <<'PYTHON'
import os
import signal
import sys
import threading
import time

if sys.argv[1] == "with":
    import dask_jobqueue
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    time.sleep(30)
except KeyboardInterrupt:
    sys.exit(130)
PYTHON
status_of() {
    "$room/venv/bin/python" "$room/interrupted.py" "$1" >/dev/null && echo 0 || echo $?
}
without=$(status_of without) with=$(status_of with)
echo "interrupted: status $without without dask_jobqueue, $with with it"
[ "$without" = 130 ] && [ "$with" = 0 ] || { echo "an interrupt is no longer a success"; exit 1; }
