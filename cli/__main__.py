"""`apical …` and `python -m apical.cli …`: runs a command, and turns bad input into one line and exit status 2."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    import typer

    from .app import app

    try:
        status = app(arguments, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _complain("stopped; what was written is kept, and --resume goes on from there", status=130)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "apical"
        return _complain(f"{error.format_message()} ({command} --help)", command)
    except ValueError as error:
        message = _bad_input(error)
        if message is None:
            raise
        return _complain(message)


def _complain(message: str, command: str = "apical", status: int = 2) -> int:
    print(f"{command}: {' '.join(message.split())}", file=sys.stderr)
    return status


def _bad_input(error: ValueError) -> str | None:
    """The line for what a user gave wrongly; None for an error that is ours."""
    from pydantic import ValidationError

    from ..simulate.schema import InputError

    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or error.title
        return f"{field}: {first['msg'].removeprefix('Value error, ')}, got {first['input']!r}"
    return None


if __name__ == "__main__":
    raise SystemExit(main())
