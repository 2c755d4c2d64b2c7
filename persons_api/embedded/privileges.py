"""What a child process may do, and that it ends with its parent.

PostgreSQL refuses to run as root. Started by root it runs as another user, who may not be able to reach the
data or the program: both can lie below private folders such as ``/root``. Making those folders readable for
everybody is no option, so the process then keeps one capability, to pass folders and to read (files too,
hence only when needed), and nothing else of root's rights.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from persons_api.embedded.errors import CannotStart

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
#: Capabilities stay as they are when the user changes, and access(2) honours them. PostgreSQL asks access(2)
#: whether its program files can be run, and that ignores the capabilities of an ordinary user otherwise.
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_READ_SEARCH = 2
_CAP_SETPCAP = 8
_CAPABILITY_VERSION_3 = 0x20080522

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


@dataclass(frozen=True)
class Account:
    """The user that a child runs as instead of root."""

    uid: int
    gid: int
    #: Keeps the capability to pass and read what its user may not.
    passes_private_folders: bool = False


def account_for(data: Path, program: Path) -> Account | None:
    """The user to run a program as that refuses root; None when this process is not root.

    ``data`` that exists keeps its owner, so that root can start what an ordinary user made.
    """
    if os.geteuid() != 0:
        return None
    uid, gid = _owner(data)
    if can_reach(uid, gid, data.parent) and can_reach(uid, gid, program):
        return Account(uid, gid)
    if not {_CAP_DAC_READ_SEARCH, _CAP_SETPCAP} <= _own_capabilities():
        raise CannotStart(
            f"PostgreSQL does not run as root, and an ordinary user cannot reach {data} or {program}. "
            "Start as an ordinary user, or keep program and data where others may enter (/opt, /var/lib)."
        )
    return Account(uid, gid, passes_private_folders=True)


def can_reach(uid: int, gid: int, path: Path) -> bool:
    """Whether the user may enter every folder down to ``path``, itself included when it is a folder."""
    real = path.resolve()
    folders = [folder for folder in (real, *real.parents) if folder.is_dir()]
    return all(_may_execute(uid, gid, folder) for folder in folders)


def can_run(account: Account, program: Path) -> bool:
    """Whether the mode of the file lets the user run it; the capability does not help with that."""
    return _may_execute(account.uid, account.gid, program)


def before_exec(death_signal: signal.Signals, account: Account | None, *, parent: int) -> Callable[[], None]:
    """What a child does between fork and exec: become ``account``, and ask to be signalled when we die.

    The kernel forgets the death signal when the user changes, hence the order. It follows the *thread* that
    started the child, so that children must be started from the main thread.
    """

    def run() -> None:
        if account:
            _become(account)
        if _LIBC:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return run


def name_process(name: str) -> None:
    """What ``ps -o comm`` and ``top`` show; the kernel keeps 15 bytes."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _become(account: Account) -> None:
    os.setgroups([])
    os.setgid(account.gid)
    if account.passes_private_folders:
        _keep_capabilities()
    os.setuid(account.uid)
    if account.passes_private_folders:
        _keep_only(_CAP_DAC_READ_SEARCH)


def _keep_capabilities() -> None:
    if _LIBC:
        _check(_LIBC.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0))


def _keep_only(capability: int) -> None:
    if not _LIBC:
        return
    mask = 1 << capability
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable; then the same for capabilities above 31.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _check(_LIBC.capset(ctypes.byref(header), sets))
    _check(_LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "cannot set privileges")


def _owner(data: Path) -> tuple[int, int]:
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _may_execute(uid: int, gid: int, path: Path) -> bool:
    status = path.stat()
    if status.st_uid == uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def _own_capabilities() -> set[int]:
    if sys.platform != "linux":
        return set()
    return set(
        _bits(
            line.split()[1]
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("CapPrm")
        )
    )


def _bits(masks: Iterable[str]) -> Iterable[int]:
    for mask in masks:
        number = int(mask, 16)
        yield from (bit for bit in range(number.bit_length()) if number >> bit & 1)
