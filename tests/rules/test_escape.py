"""Property keys as paths."""

from hypothesis import given
from hypothesis import strategies as st

from core.clickhouse.escape import property_key, property_path

keys = st.text(st.characters(exclude_categories=["Cs"]))


@given(keys)
def test_a_path_is_plain(key: str) -> None:
    path = property_path(key)

    assert path.isascii()
    assert path
    assert not set(path) & set("`.\\'\"{}()\0\n")


@given(keys, keys)
def test_different_keys_have_different_paths(one: str, other: str) -> None:
    assert (property_path(one) == property_path(other)) == (one == other)


@given(keys)
def test_a_path_leads_back_to_its_key(key: str) -> None:
    assert property_key(property_path(key)) == key


def test_examples() -> None:
    assert [property_path(key) for key in ("plan", "$set", "a.b", "`", "", "%", "%2E", "ü", "a b-c_d")] == [
        "plan", "$set", "a%2Eb", "%60", "%", "%25", "%252E", "%C3%BC", "a b-c_d",
    ]  # fmt: skip
