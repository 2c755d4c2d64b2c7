"""Ids of persons, and ids of nobody."""

import pytest

from core.identity.ids import can_merge, person_uuid, split_uuid


@pytest.mark.parametrize(
    ("distinct_id", "uuid"),
    [
        ("0190aa11-22bb-7cc3-8dd4-ee55ff667788", "11509410-c12f-55e9-b1d3-d2b39177f826"),
        ("c", "0b688279-6ee8-58b7-b039-fb3271814771"),
        ("ünï-😀", "5f7f6319-c73b-58d9-b513-4eae2c4e993a"),
    ],
)
def test_uuids_are_those_that_clients_compute(distinct_id: str, uuid: str) -> None:
    assert str(person_uuid(7, distinct_id)) == uuid


def test_a_split_creator_has_a_uuid_of_its_own() -> None:
    assert str(split_uuid(7, "c")) == "3887795d-8062-5a13-9f4a-ac80b736b5e0"


@pytest.mark.parametrize(
    "distinct_id",
    ["", "  ", "anonymous", "GUEST", "Undefined", "TRUE", "[object Object]", "NaN", "None", "none", "null",
     "0", "'null'", '"Guest"', "a\0b", "a\ufffdb", "x" * 401],
)  # fmt: skip
def test_ids_of_nobody_do_not_merge(distinct_id: str) -> None:
    assert not can_merge(distinct_id)


@pytest.mark.parametrize(
    "distinct_id", ["u", "NULL", "nan", "00", "[object object]", "'a'", "'", "guest1", "x" * 400]
)
def test_other_ids_do(distinct_id: str) -> None:
    assert can_merge(distinct_id)
