"""What the stack is made of: processes that can be asked whether they are ready."""

from collections.abc import Callable
from dataclasses import dataclass, field

from persons_api.embedded.process import Startable


@dataclass(frozen=True)
class Part:
    command: Startable
    #: Asks the process itself; False when it does not answer (yet).
    is_ready: Callable[[], bool] = field(default=lambda: True)
    #: Seconds after which a process that does not answer counts as failed.
    patience: float = 60.0

    @property
    def name(self) -> str:
        return self.command.name
