"""What stops a start; the message is for the person at the terminal."""


class CannotStart(Exception):  # noqa: N818 - reads as what happened
    """The stack cannot start, and the message says why and what to do."""


class StopRequested(Exception):  # noqa: N818 - no error
    """A signal asked the program to stop while it was starting."""
