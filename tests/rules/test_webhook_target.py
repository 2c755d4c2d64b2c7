"""Where webhooks may be sent, and what a URL of one may be."""

import socket
import threading
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import pytest

from core.services.webhooks.post import post
from core.services.webhooks.target import Target, TargetRefused, check_target, is_allowed, resolve
from core.services.webhooks.tell import DIGEST_BYTES, deleted
from persons_api import env

REFUSED = [
    "0.0.0.0",  # noqa: S104 - an address like others
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]
ALLOWED = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.fixture(autouse=True)
def nothing_is_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_only_the_inside_reaches(address: str) -> None:
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_addresses_that_all_the_world_reaches(address: str) -> None:
    assert is_allowed(ip_address(address))


def test_networks_of_the_settings_are_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]

    allowed = [one for one in [*REFUSED, "10.2.0.1", "::ffff:10.1.0.9"] if is_allowed(ip_address(one))]

    assert allowed == ["10.1.2.3", "fd12::1", "::ffff:10.1.0.9"]


def test_networks_that_are_none_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", "10.1.0.0/16, fd00::/8")
    assert env.networks("SOME") == [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    for wrong in ("10.1.0.1/16", "localhost", "10.1.0.0/33"):
        monkeypatch.setenv("SOME", wrong)
        with pytest.raises(env.BadEnvironment, match="SOME="):
            env.networks("SOME")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1:8000/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]:80/x",
        "http://[fe80::1%25eth0]/",
        "https://localhost/x",
        "https://LOCALHOST./x",
        "https://a.localhost/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
    ],
)
def test_urls_with_refused_addresses_in_any_spelling(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:secret@example.org/",
        "https://user@example.org/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://example.org/a b",
        "https://example.org/\r\nX-Header: 1",
        "https://exämple.org/",
        "https://[::1/",
        "javascript:alert(1)",
    ],
)
def test_what_can_be_no_url(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_target(url)


def test_parts_of_a_url() -> None:
    assert check_target("https://example.org") == Target("https", "example.org", 443, "/")
    assert check_target("http://Example.org:81/a/b?c=d#e") == Target("http", "example.org", 81, "/a/b?c=d")
    assert check_target("http://93.184.215.14?x=1") == Target("http", "93.184.215.14", 80, "/?x=1")


def test_a_name_is_judged_by_where_it_leads(settings: Any) -> None:
    """The name of this machine itself: what it leads to is no public address, or the test says nothing."""
    with pytest.raises(TargetRefused, match="not a public one"):
        resolve(Target("http", "localhost", 80, "/"))
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]

    assert set(resolve(Target("http", "localhost", 80, "/"))) == {"127.0.0.1"}


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(TargetRefused, match="is not known"):
        resolve(Target("http", "nobody.invalid", 80, "/"))


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nX-Long: "], ids=["silence", "dripping"])
def test_nothing_extends_the_time_of_an_answer(settings: Any, part: bytes) -> None:
    """Neither silence nor a byte now and then."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(part)
            while not over.wait(0.05):
                try:
                    connection.sendall(b"x" if part else b"")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener])
        thread.start()
        answer = post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, timeout=0.5)
        over.set()
        thread.join()

    assert (answer.status, answer.error) == (None, "No answer within 0.5 s.")


@pytest.mark.parametrize(
    "junk", [b"", b"junk\r\n\r\n", b"HTTP/1.1 99999 X\r\n\r\n"], ids=["empty", "junk", "odd"]
)
def test_what_is_no_answer(settings: Any, junk: bytes) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]

    def speak(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(junk)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak, args=[listener])
        thread.start()
        answer = post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, timeout=5)
        thread.join()

    assert answer.status is None
    assert answer.error is not None
    assert answer.error.startswith("The receiver")


def test_a_deletion_names_digests_of_ids_up_to_a_number() -> None:
    shown = deleted(UUID(int=1), [f"id{n}" for n in range(1001)]).more["person"]

    assert len(shown["distinct_id_digests"]) == 1000
    assert {len(one) for one in shown["distinct_id_digests"]} == {2 * DIGEST_BYTES}
    assert shown["has_more_distinct_ids"] is True
