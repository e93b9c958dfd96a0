"""The one kind of error that a user can mend."""


class InputError(ValueError):
    """What a user gave cannot be used; the message is one line that names it and says what to do."""
