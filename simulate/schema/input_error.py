"""The one kind of error that a user can mend."""


class InputError(ValueError):
    """What a user gave cannot be used; the message is one line that names it and says what to do."""


def one_line(error: BaseException) -> str:
    """The first line of what a library said, for the reason in a message of ours."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
