"""Statement and data of an INSERT are told apart."""

import pytest

from persons_api.embedded.insert_statement import InsertWithData, split_insert


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b'INSERT INTO t FORMAT JSONEachRow\n{"a":1}',
            InsertWithData("INSERT INTO t ", "JSONEachRow", b'{"a":1}'),
        ),
        (
            b"insert into `t` (`a`, `b`) format native\n\x01\x00\nFORMAT",
            InsertWithData("insert into `t` (`a`, `b`) ", "native", b"\x01\x00\nFORMAT"),
        ),
        (
            b"/* FORMAT x\n*/ -- VALUES\n INSERT INTO t SETTINGS log_comment='a FORMAT CSV\n' FORMAT TSV\n1",
            InsertWithData(
                "/* FORMAT x\n*/ -- VALUES\n INSERT INTO t SETTINGS log_comment='a FORMAT CSV\n' ",
                "TSV",
                b"1",
            ),
        ),
        (b"INSERT INTO `FORMAT CSV ` FORMAT CSV", InsertWithData("INSERT INTO `FORMAT CSV ` ", "CSV", b"")),
        (b"INSERT INTO t FORMAT Values (1), (2)", InsertWithData("INSERT INTO t ", "Values", b"(1), (2)")),
        (b"INSERT INTO t VALUES (1, ' FORMAT CSV\n')", None),
        (b"INSERT INTO t SELECT 1 FORMAT CSV\n", None),
        (b"INSERT INTO t (a) WITH 1 AS x SELECT x", None),
        (b"SELECT 'INSERT INTO t FORMAT CSV\n'", None),
        (b"", None),
    ],
)
def test_the_data_begin_behind_the_format_clause(text: bytes, expected: InsertWithData | None) -> None:
    assert split_insert(text) == expected
