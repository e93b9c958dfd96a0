"""`apical …` and `python -m apical.cli …`: runs a command, and turns bad input into one line and exit status 2."""

from __future__ import annotations

import sys

from .interrupts import INTERRUPTED, SAID, end_if_interrupted, take_over

LONGEST = 1200  # characters of a message; a word of the command line may have any number


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 failed, 2 bad input, 130 interrupted.

    arguments: None for those of this process, which Ctrl-C then ends.
    """
    if arguments is not None:
        return _run(arguments)
    take_over()
    try:
        return _run(None)
    finally:
        end_if_interrupted()


def _run(arguments: list[str] | None) -> int:
    import typer

    from .app import app

    try:
        status = app(arguments, prog_name="apical", standalone_mode=False)
    except typer.Abort:
        status = INTERRUPTED
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "apical"
        return _complain(f"{error.format_message()} ({command} --help)", command)
    except OSError as error:  # what the system refuses of a path: its length, its permissions, its disk
        if error.filename is None or error.strerror is None:
            raise
        from ..simulate.schema import shown

        return _complain(f"{shown(str(error.filename))}: {error.strerror}")
    except ValueError as error:
        message = _bad_input(error)
        if message is None:
            raise
        return _complain(message)
    except RuntimeError as error:
        message = _failed_gpu(error)
        if message is None:
            raise
        return _complain(message)
    if status == INTERRUPTED:
        return _complain(SAID, status=INTERRUPTED)
    return status if isinstance(status, int) else 0


def _complain(message: str, command: str = "apical", status: int = 2) -> int:
    message = " ".join(message.replace("Value error, ", "").split())  # pydantic's mark on what a validator said
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]} … {message[-LONGEST // 2 :]}"
    print(f"{command}: {message}", file=sys.stderr)
    return status


def _failed_gpu(error: RuntimeError) -> str | None:
    """The line for what PyTorch says of a GPU without memory, or that is lost; None for an error that is ours."""
    first = str(error).strip().partition("\n")[0].rstrip(".")
    if "CUDA out of memory" in first:
        return f"device 'cuda': {first}; end what else uses it, give a smaller batch, or --device cpu"
    if "CUDA error" in first:
        return f"device 'cuda': the GPU failed ({first}); what is written stays, `apical fit --resume` goes on"
    return None


def _bad_input(error: ValueError) -> str | None:
    """The line for what a user gave wrongly; None for an error that is ours."""
    from pydantic import ValidationError

    from ..simulate.schema import InputError, shown

    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        if first["type"] == "value_error":  # one of our own validators, which says it all
            return first["msg"]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg']}, got {shown(first['input'])}"
    return None


if __name__ == "__main__":
    raise SystemExit(main())
