"""What stops a start; the message is for the person at the terminal."""


class CannotStart(Exception):
    """The stack cannot start, and the message says why and what to do."""


class StopRequested(Exception):
    """A signal asked the program to stop."""
