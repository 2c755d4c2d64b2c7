"""What a stack remembers survives, stays private, and is never made up anew beside existing data."""

import pytest

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.state import ProcessRecord, StackState, load


def test_what_was_saved_is_loaded(folder: DataFolder) -> None:
    state = StackState(port=8000, processes=[ProcessRecord("web", 1, 2.5, 15)])

    state.save(folder)

    assert load(folder) == state


def test_only_its_owner_can_read_it(folder: DataFolder) -> None:
    StackState().save(folder)

    assert folder.state_file.stat().st_mode & 0o777 == 0o600


def test_a_new_folder_has_no_state(folder: DataFolder) -> None:
    assert load(folder) is None


def test_data_without_their_passwords_are_not_touched(folder: DataFolder) -> None:
    folder.postgres.mkdir()

    with pytest.raises(CannotStart, match=r"stack\.json is missing"):
        load(folder)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"processes": [], "no_such_field": 1}'])
def test_a_broken_state_is_reported(folder: DataFolder, content: str) -> None:
    folder.state_file.write_text(content)

    with pytest.raises(CannotStart, match=r"stack\.json cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::", "http://[::1]:80"),
        ("example.org", "http://example.org:80"),
    ],
)
def test_the_address_can_be_asked_from_this_machine(host: str, url: str) -> None:
    assert StackState(host=host, port=80).url == url
