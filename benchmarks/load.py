"""Requests over a number of kept connections for some seconds, each as soon as the one before it is answered.

``wrk`` sends them when it is installed, for it takes next to nothing of the processor that the server needs; else this
module does, and takes its share.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

HAS_WRK = shutil.which("wrk") is not None
_WRK_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """``p50`` and ``p99`` are milliseconds."""

    requests_a_second: float
    p50: float
    p99: float


def load(
    port: int,
    requests: Sequence[Request],
    *,
    headers: Mapping[str, str],
    connections: int,
    seconds: float,
) -> Load:
    """Send ``requests`` in turn, over and over, to this machine's ``port``; each must be answered with a 2xx."""
    if HAS_WRK:
        return _by_wrk(port, requests, headers, connections, seconds)
    return asyncio.run(_by_ourselves(port, requests, headers, connections, seconds))


def _by_wrk(
    port: int, requests: Sequence[Request], headers: Mapping[str, str], connections: int, seconds: float
) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests"
        file.write_text("".join(f"{one.method}\t{one.path}\t{one.body}\n" for one in requests))
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:.0f}s",
            "--timeout=60s",
            "-s",
            str(_WRK_SCRIPT),
        ]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        printed = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "REQUESTS": str(file)},
        ).stdout
    found = json.loads(printed.splitlines()[-1])
    assert found["failed"] == 0, printed
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"])


async def _by_ourselves(
    port: int, requests: Sequence[Request], headers: Mapping[str, str], connections: int, seconds: float
) -> Load:
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **headers}.items())
    texts = [
        f"{one.method} {one.path} HTTP/1.1\r\n{head}Content-Length: {len(one.body)}\r\n\r\n{one.body}".encode()
        for one in requests
    ]
    took: list[float] = []
    started = time.perf_counter()

    async def send(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for text in islice(cycle(texts), first * len(texts) // connections, None):
            sent = time.perf_counter()
            if sent - started > seconds:
                break
            writer.write(text)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert answer[9:10] == b"2", answer
            length = answer.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            took.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*map(send, range(connections)))
    took.sort()
    return Load(len(took) / seconds, took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000)
