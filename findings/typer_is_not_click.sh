#!/usr/bin/env bash
# Guess: a Typer program is a Click program, as it has been for years, so what documents Click's commands documents
#   Typer's too, and an error of Click ends a command as one of Typer does.
# What happens: Typer 0.29.2 has a copy of Click of its own (typer._click), and does not ask for Click any more. Its
#   commands are no instances of click.Command, whatever Click is installed beside it. sphinx-click 6.2.0 refuses them,
#   and a click.UsageError that a command raises is not caught: a traceback, exit status 1 instead of a line and 2.
# Why it matters here: the command line's page is made from the parameters themselves (docs/extensions/generated.py), and
#   errors of ours must not be Click's.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check typer==0.29.2 click==8.5.1 sphinx==9.0.4 sphinx-click==6.2.0

cat >program.py <<'END'
import click
import typer

app = typer.Typer()


@app.command()
def hello(times: int = 1) -> None:
    """Say hello."""
    if times > 9:
        raise click.UsageError("too often")


command = typer.main.get_command(app)
if __name__ == "__main__":
    app()
END
mkdir docs
echo 'extensions = ["sphinx_click"]' >docs/conf.py
printf 'Commands\n========\n\n.. click:: program:command\n   :prog: program\n' >docs/index.rst

expect() {
    echo "$1"
    [ "$1" = "$2" ] || { echo "it was: $2" && exit 1; }
}
expect "$(venv/bin/python -c 'import click, program; print(isinstance(program.command, click.Command))')" "False"
expect "$(venv/bin/python -c 'import program; print(type(program.command).__mro__[1].__module__)')" "typer._click.core"
expect "$(PYTHONPATH=. venv/bin/sphinx-build -q docs out 2>&1 | grep -o '"program:command" is not click.Command' | head -1)" \
    '"program:command" is not click.Command'
status=0
venv/bin/python program.py --times 10 >out.txt 2>&1 || status=$?
tail -1 out.txt
expect "$status" "1"
