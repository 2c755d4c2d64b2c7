"""``persons-api up``: starts every process in order, keeps them alive, stops them."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from persons_api import roles
from persons_api.embedded import orphans, ports, postgres, services, stores
from persons_api.embedded.children import LOOK_EVERY, Children, end_of_log
from persons_api.embedded.errors import CannotStart, StopRequested
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.privileges import before_exec
from persons_api.embedded.process import kill_group, open_log
from persons_api.embedded.signals import Signals
from persons_api.embedded.state import StackState, load

#: Seconds that ``up`` waits for a command on the stopped stack to finish.
LOCK_PATIENCE = 10.0
#: Seconds between two looks at the children when nothing happens; a death is noticed at once.
WATCH_EVERY = 1.0
#: Seconds for the program's processes, and then for the stores, to stop. A whole stop stays below ten.
SERVICES_PATIENCE = 4.5
STORES_PATIENCE = 4.5


@dataclass(frozen=True)
class Options:
    folder: DataFolder
    host: str
    port: int
    #: Make a first project with demo data when the folder is new.
    demo: bool


@dataclass(frozen=True)
class FirstProject:
    """What the first start made; the key is shown once and stored only as a hash."""

    project_id: int
    api_token: str
    personal_api_key: str


def up(
    options: Options,
    *,
    tell: Callable[[str], None],
    on_ready: Callable[[StackState, FirstProject | None], None],
) -> None:
    """Run the stack until a signal stops it. Raises ``CannotStart`` when it does not come up."""
    if os.environ.get("PERSONS_API_CLICKHOUSE_CLUSTER"):
        raise CannotStart(
            "PERSONS_API_CLICKHOUSE_CLUSTER is set, but the embedded stack has one ClickHouse. Unset it, or run the "
            "processes with stores of your own (docs/scale.md)."
        )
    folder = options.folder
    folder.create()
    with Signals() as signals, folder.locked("up", patience=LOCK_PATIENCE):
        supervisor = Supervisor(options, load(folder) or StackState(), signals, tell)
        try:
            supervisor.claim_ports()
            project = supervisor.start()
            on_ready(supervisor.state, project)
            supervisor.watch()
        except StopRequested:
            tell("stopping")
        finally:
            supervisor.stop()


class Supervisor:
    def __init__(
        self, options: Options, state: StackState, signals: Signals, tell: Callable[[str], None]
    ) -> None:
        self.state = state
        self._options = options
        self._folder = options.folder
        self._signals = signals
        self._tell = tell
        self._children = Children(pause=signals.pause, tell=tell)

    def claim_ports(self) -> None:
        """End what an earlier start left running, then see that the ports are free."""
        if count := orphans.end_orphans(self._folder, self.state):
            self._tell(f"ended {count} processes that an earlier start had left behind")
        self.state.host = self._options.host
        self.state.port = self._options.port or ports.any_free(self._options.host)
        if not ports.is_free(self.state.port, self.state.host):
            raise CannotStart(
                f"Port {self.state.port} on {self.state.host} is in use. "
                "Stop the program that has it, or choose another one with --port PORT."
            )
        stores.choose_ports(self.state)
        self.state.supervisor_pid = os.getpid()
        self._save()
        self._tell(f"starting in {self._folder.path}")

    def start(self) -> FirstProject | None:
        """Bring everything up; the first project, when this start made it."""
        # Made first: a bad value in the environment should not cost the start of the stores.
        program = services.parts(self._folder, self.state)
        self._children.start(stores.parts(self._folder, self.state))
        self._save()
        postgres.create_database(self.state)
        self._run_task("prepare", roles.migrate())
        self._children.start(program)
        self.state.prepared = True
        self._save()
        return self.first_start()

    def watch(self) -> None:
        """Keep the children alive until ``StopRequested`` is raised."""
        while True:
            self._look()
            self._signals.pause(min(WATCH_EVERY, self._children.due_in()))

    def stop(self) -> None:
        """Stop what writes before what it writes to; a second signal kills at once."""
        self.state.prepared = False
        self._children.stop(services.NAMES, patience=SERVICES_PATIENCE, hurry=self._in_hurry)
        self._children.stop(patience=STORES_PATIENCE, hurry=self._in_hurry)
        self.state.supervisor_pid = 0
        self._save()

    def first_start(self) -> FirstProject | None:
        """Make the first project, once in the life of a folder; None when it was made or declined before."""
        if self.state.first_start_done:
            return None
        project = None
        if self._options.demo:
            output = self._run_task("first_start", roles.django("first_start", "--demo"), on_terminal=True)
            project = FirstProject(**json.loads(output.splitlines()[-1]))
        self.state.first_start_done = True
        self._save()
        return project

    def _run_task(self, name: str, arguments: list[str], *, on_terminal: bool = False) -> str:
        """Run a command to its end and return its output. Its messages go to a log, or to the terminal."""
        log = self._folder.log(name)
        with nullcontext() if on_terminal else open_log(log) as messages:
            process = subprocess.Popen(
                arguments,
                env={**os.environ, **services.environment(self.state)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                start_new_session=True,
                preexec_fn=before_exec(signal.SIGTERM, None, parent=os.getpid()),
                text=True,
            )
        try:
            while process.poll() is None:
                self._look()
                self._signals.pause(LOOK_EVERY)
            output, _ = process.communicate()
        finally:
            kill_group(process.pid)
            process.wait()
        if process.returncode != 0:
            raise CannotStart(f"{name} failed. {'' if on_terminal else end_of_log(log)}")
        return output

    def _in_hurry(self) -> bool:
        return self._signals.stops > 1

    def _look(self) -> None:
        if self._children.revive():
            self._save()

    def _save(self) -> None:
        self.state.processes = self._children.records()
        self.state.save(self._folder)
