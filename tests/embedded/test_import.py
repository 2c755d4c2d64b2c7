"""``persons-api import``: files of events, in every format, stopped in the middle and run again."""

import gzip
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from typer.testing import CliRunner, Result

from core.clickhouse import client
from core.models import EventImport, Person, PersonDistinctId
from persons_api import cli
from tests.clients import ProjectClient, event
from tests.stack import Stack, temporary_stack

AT = "2026-03-01T10:00:00Z"
_ROWS = """
SELECT event, distinct_id, toString(timestamp), properties::String FROM events
WHERE project_id = {project_id:Int64} ORDER BY timestamp, event, distinct_id
"""
_COUNTS = "SELECT count(), uniqExact(uuid) FROM events WHERE project_id = {project_id:Int64}"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a file of JSON lines; a row that is text is written as it is."""

    def make(*rows: dict[str, Any] | str, name: str = "events.ndjson") -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return make


def in_this_process(*arguments: str) -> Result:
    """What ``persons-api import`` does once its process has started, which takes longer than most files."""
    return CliRunner().invoke(cli.app, ["import", *arguments])


def imported(project: ProjectClient, file: Path, *options: str) -> str:
    result = in_this_process(str(file), "--project", str(project.id), *options)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(project: ProjectClient, file: Path, *options: str) -> str:
    """The one line that an import which fails says on standard error."""
    result = in_this_process(str(file), "--project", str(project.id), *options)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.splitlines()[-1].removeprefix("error: ")


def rows(project: ProjectClient) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(_ROWS, project_id=project.id)]


def counts(project: ProjectClient) -> tuple[int, int]:
    """Rows in ClickHouse, and how many events they are."""
    ((all_rows, uuids),) = client.query(_COUNTS, project_id=project.id)
    return all_rows, uuids


def persons(project: ProjectClient) -> int:
    return Person.objects.for_project(project.id).count()


ROWS = [
    {"event": "a", "distinct_id": "ada", "timestamp": AT, "properties": {"n": 1}, "$set": {"plan": "free"}},
    {"event": "b", "distinct_id": "bob", "timestamp": "2026-03-02T10:00:00Z", "properties": {"s": "x"}},
]
IN_CLICKHOUSE = [
    ("a", "ada", "2026-03-01 10:00:00.000000", '{"$set":"{\\"plan\\":\\"free\\"}","n":"1"}'),
    ("b", "bob", "2026-03-02 10:00:00.000000", '{"s":"x"}'),
]


def test_lines_become_events_and_persons(project: ProjectClient, write: Write) -> None:
    printed = imported(project, write(*ROWS))

    assert printed == f"imported 2 events into project {project.id} (0 were there before)\n"
    assert rows(project) == IN_CLICKHOUSE
    ada = project.person("ada")
    assert ada is not None
    assert ada["properties"]["plan"] == "free"
    assert ada["created_at"].startswith("2026-03-01T10:00:00")


def test_the_result_can_be_read_by_programs(stack: Stack, project: ProjectClient, write: Write) -> None:
    printed = stack.command("import", str(write(*ROWS)), "--project", str(project.id), "--json")

    assert json.loads(printed) == {
        "project": project.id,
        "events": 2,
        "before": 0,
        "bad_rows": 0,
        "waiting": 0,
    }


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_compression_is_told_by_the_first_bytes(
    project: ProjectClient, write: Write, compress: Callable[[bytes], bytes]
) -> None:
    file = write(*ROWS)
    file.write_bytes(compress(file.read_bytes()))

    imported(project, file)

    assert rows(project) == IN_CLICKHOUSE


def test_a_file_is_the_same_compressed_or_not(project: ProjectClient, write: Write) -> None:
    file = write(*ROWS)
    imported(project, file)
    file.write_bytes(gzip.compress(file.read_bytes()))

    printed = imported(project, file)

    assert printed == f"imported 0 events into project {project.id} (2 were there before)\n"


def test_text_of_other_systems_is_read(project: ProjectClient, tmp_path: Path) -> None:
    """A byte order mark, line ends of two characters, blank lines, no end at the end."""
    file = tmp_path / "events.json"
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(json.dumps(row).encode() for row in ROWS))

    imported(project, file)

    assert rows(project) == IN_CLICKHOUSE


def parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


TIMES = [datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)]
NAMES = {"event": ["a", "b"], "distinct_id": ["ada", "bob"]}
SET = {"$set": ['{"plan":"free"}', None]}


@pytest.mark.parametrize(
    "columns",
    [
        {**NAMES, **SET, "timestamp": pa.array(TIMES), "properties": ['{"n":1}', '{"s":"x"}']},
        {
            **NAMES,
            **SET,
            "timestamp": pa.array(TIMES, pa.timestamp("ns")),
            "properties": [{"n": 1}, {"s": "x"}],
        },
        {
            **NAMES,
            **SET,
            "timestamp": pa.array([1772359200, 1772445600], pa.uint32()),
            "properties": [b'{"n":1}', b'{"s":"x"}'],
            "person_id": ["ignored", "ignored"],
        },
    ],
    ids=["JSON text", "struct", "bytes and Unix times"],
)
def test_parquet_is_read_in_the_forms_that_programs_write(
    project: ProjectClient, tmp_path: Path, columns: dict[str, Any]
) -> None:
    imported(project, parquet(tmp_path / "without-a-telling-name", columns))

    assert rows(project) == IN_CLICKHOUSE


def test_uuids_of_parquet_may_be_bytes(project: ProjectClient, tmp_path: Path) -> None:
    uuids = pa.array([b"0123456789abcdef", b"fedcba9876543210"], pa.binary(16))

    imported(project, parquet(tmp_path / "events.parquet", {**NAMES, "uuid": uuids}))

    found = client.query(
        "SELECT toString(uuid) FROM events WHERE project_id = {project_id:Int64} ORDER BY event",
        project_id=project.id,
    )
    assert [uuid for (uuid,) in found] == [
        "30313233-3435-3637-3839-616263646566",
        "66656463-6261-3938-3736-353433323130",
    ]


def test_a_second_run_adds_nothing(project: ProjectClient, write: Write) -> None:
    file = write(*ROWS)
    imported(project, file)

    printed = imported(project, file)

    assert printed == f"imported 0 events into project {project.id} (2 were there before)\n"
    assert (counts(project), persons(project)) == ((2, 2), 2)


def test_a_file_that_has_grown_adds_what_is_new(project: ProjectClient, write: Write) -> None:
    imported(project, write(*ROWS))
    more = {"event": "c", "distinct_id": "ada", "timestamp": "2026-03-03T10:00:00Z"}

    imported(project, write(*ROWS, more))

    assert (counts(project)[1], persons(project)) == (3, 2)


def test_equal_rows_without_uuids_are_events_of_their_own(project: ProjectClient, write: Write) -> None:
    imported(project, write(ROWS[0], ROWS[0]))

    assert counts(project) == (2, 2)


def test_events_without_a_time_have_one_and_it_is_said(project: ProjectClient, write: Write) -> None:
    file = write(
        {"event": "a", "distinct_id": "ada"}, {"event": "b", "distinct_id": "ada", "timestamp": "soon"}
    )
    before = datetime.now(UTC)

    result = in_this_process(str(file), "--project", str(project.id))

    assert "2 events have no timestamp that can be used" in result.stderr
    times = client.query(
        "SELECT DISTINCT timestamp FROM events WHERE project_id = {project_id:Int64}", project_id=project.id
    )
    assert [before <= at <= datetime.now(UTC) for (at,) in times] == [True]


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"distinct_id": "ada"}, ", event: An event needs a name: send it as event."),
        ({"event": "b"}, ", distinct_id: An event needs a distinct_id."),
        ({"event": "b", "distinct_id": "b", "uuid": "7"}, ", uuid: uuid must be a UUID."),
        (
            {"event": "b", "distinct_id": "b", "properties": "{"},
            ", properties: JSON parse error - unexpected end of data at column 2",
        ),
        (
            {"event": "b", "distinct_id": "b", "properties": [1]},
            ", properties: properties must be an object.",
        ),
        ('{"event": "b"', ": JSON parse error - unexpected end of data at column 14"),
        ("[]", ": A row must be a JSON object: one event a line."),
    ],
)
def test_a_bad_row_is_named_and_those_before_it_are_stored(
    project: ProjectClient, write: Write, bad: dict[str, Any] | str, complaint: str
) -> None:
    file = write(ROWS[0], bad, ROWS[1])

    error = refused(project, file)

    advice = (
        "Everything before it is stored. Correct it and run the command again, "
        "or leave out such rows with --skip-bad."
    )
    assert error == f"{file}, line 2{complaint} {advice}"
    assert persons(project) == 1


def test_a_corrected_file_goes_on_after_the_rows_that_are_there(project: ProjectClient, write: Write) -> None:
    refused(project, write(ROWS[0], "?", ROWS[1]))

    imported(project, write(ROWS[0], {"event": "c", "distinct_id": "cy", "timestamp": AT}, ROWS[1]))

    assert (counts(project)[1], persons(project)) == (3, 3)


def test_bad_rows_can_be_left_out(project: ProjectClient, write: Write) -> None:
    file = write(ROWS[0], *["?"] * 7, ROWS[1])

    result = in_this_process(str(file), "--project", str(project.id), "--skip-bad")

    assert result.stdout == (
        f"imported 2 events into project {project.id} (0 were there before, 7 bad rows left out)\n"
    )
    assert (
        f"left out: {file}, line 2: JSON parse error - unexpected character, expected a JSON value at column 1\n"
        in result.stderr
    )
    assert "left out: 2 more\n" in result.stderr
    assert rows(project) == IN_CLICKHOUSE


def test_a_row_that_is_too_long_is_named_without_reading_it_whole(
    project: ProjectClient, write: Write
) -> None:
    long = json.dumps({**ROWS[1], "properties": {"x": "x" * 21 * 1024 * 1024}})

    error = refused(project, write(ROWS[0], long))

    assert "line 2: The row is longer than 20971520 bytes." in error


def test_a_file_that_is_not_there_is_named(project: ProjectClient, tmp_path: Path) -> None:
    assert refused(project, tmp_path / "x.ndjson") == f"{tmp_path}/x.ndjson: No such file or directory."


def test_a_folder_is_refused(project: ProjectClient, tmp_path: Path) -> None:
    assert refused(project, tmp_path) == f"{tmp_path}: Is a directory."


def test_compressed_data_that_is_cut_off_is_refused_whole(project: ProjectClient, write: Write) -> None:
    file = write(*ROWS)
    file.write_bytes(gzip.compress(file.read_bytes())[:-9])

    assert refused(project, file) == f"{file}: The compressed data is damaged or cut off."
    assert persons(project) == 0


def test_damaged_parquet_is_refused(project: ProjectClient, tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    file.write_bytes(b"PAR1 and nothing more")

    assert refused(project, file).startswith(f"{file}: The Parquet data cannot be read: ")


def test_parquet_without_events_names_its_columns(project: ProjectClient, tmp_path: Path) -> None:
    file = parquet(tmp_path / "events.parquet", {"name": ["a"], "who": ["ada"]})

    assert refused(project, file) == (
        f"{file}: There is no column event, only name, who. Rename the columns to event, distinct_id, "
        "timestamp, uuid and properties."
    )


def test_an_empty_file_has_no_events(project: ProjectClient, write: Write) -> None:
    printed = imported(project, write())

    assert printed == f"imported 0 events into project {project.id} (0 were there before)\n"


def test_a_project_that_is_not_there_is_named(write: Write) -> None:
    result = in_this_process(str(write(*ROWS)), "--project", "999999")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: project: There is no project 999999. Make one: persons-api create-project --name NAME\n"
    )


def test_each_project_has_a_file_of_its_own(
    project: ProjectClient, other_project: ProjectClient, write: Write
) -> None:
    file = write(*ROWS)

    imported(project, file)

    assert (counts(other_project), persons(other_project)) == ((0, 0), 0)
    assert imported(other_project, file).startswith("imported 2 events")
    assert (counts(project), counts(other_project)) == ((2, 2), (2, 2))


def many(write: Write, number: int) -> Path:
    """Events of a quarter as many persons, without uuids."""
    return write(
        *(
            {
                "event": "a",
                "distinct_id": f"user-{n % (number // 4)}",
                "timestamp": f"2026-03-{1 + n % 28:02}T10:00:00Z",
                "properties": {"n": n},
            }
            for n in range(number)
        )
    )


def begin(stack: Stack, project: ProjectClient, file: Path) -> "subprocess.Popen[str]":
    """An import that is in the middle of the file."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "persons_api",
            "import",
            str(file),
            "--project",
            str(project.id),
            "--data-dir",
            str(stack.folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not EventImport.objects.for_project(project.id).filter(rows_done__gt=0).exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 1)])
def test_an_import_that_was_stopped_goes_on_where_it_was(
    stack: Stack, project: ProjectClient, write: Write, stop: signal.Signals, status: int
) -> None:
    file = many(write, 20_000)
    process = begin(stack, project, file)
    process.send_signal(stop)
    _, errors = process.communicate(timeout=30)
    done = EventImport.objects.for_project(project.id).get().rows_done

    printed = imported(project, file)

    assert 0 < done < 20_000
    assert process.returncode == status
    assert "Traceback" not in errors
    assert (
        printed
        == f"imported {20_000 - done:,} events into project {project.id} ({done:,} were there before)\n"
    )
    assert (counts(project), persons(project)) == ((20_000, 20_000), 5_000)


def test_two_imports_of_a_file_at_the_same_time_do_not_double(
    stack: Stack, project: ProjectClient, write: Write
) -> None:
    file = many(write, 20_000)
    process = begin(stack, project, file)
    process.send_signal(signal.SIGSTOP)

    error = refused(project, file)

    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert error == (
        "Another import of this file into this project is running. Let it end; nothing is left to do then."
    )
    assert (process.returncode, counts(project)) == (0, (20_000, 20_000))


def test_an_import_and_captures_of_the_same_persons_lose_nothing(
    stack: Stack, project: ProjectClient, write: Write
) -> None:
    file = many(write, 20_000)

    def send() -> None:
        for n in range(40):
            project.capture(
                *(event("live", f"user-{n * 50 + m}", **{"$set": {"live": n}}) for m in range(50))
            )

    sender = threading.Thread(target=send)
    sender.start()
    imported(project, file)
    sender.join()
    stack.command("drain")

    assert (counts(project), persons(project)) == ((22_000, 22_000), 5_000)
    assert PersonDistinctId.objects.for_project(project.id).count() == 5_000
    assert Person.objects.for_project(project.id).filter(properties__has_key="live").count() == 2_000


def test_a_hundred_thousand_events(project: ProjectClient, write: Write) -> None:
    file = many(write, 100_000)

    printed = imported(project, file)

    assert printed == f"imported 100,000 events into project {project.id} (0 were there before)\n"
    assert (counts(project), persons(project)) == ((100_000, 100_000), 25_000)


def test_a_stopped_stack_takes_a_file_too(write: Write) -> None:
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "N", "--json"))["id"]
        stack.stop()

        printed = stack.command("import", str(write(*ROWS)), "--project", str(project), "--json")

    assert json.loads(printed) == {
        "project": project,
        "events": 2,
        "before": 0,
        "bad_rows": 0,
        "waiting": 0,
    }
