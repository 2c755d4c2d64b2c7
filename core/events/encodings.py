"""The ``Content-Encoding`` of a request taken off, without ever inflating past a limit."""

import sys
import zlib
from collections.abc import Callable

import brotli

from core.events.body import GZIP, MOST_MEMBERS, UnreadableBody, inflate_gzip
from core.exceptions import PayloadTooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Brotli's own limit is a threshold and not a ceiling: it is asked for this much at a time.
_STEP = 1024 * 1024
#: As powers of two, the window that a zstd frame may ask for: 64 MiB, the first above any body that we take.
_ZSTD_WINDOW = 26


def inflate(body: bytes, *, encoding: str, largest: int) -> bytes:
    """The content of ``body``; ``encoding`` is one of ``ENCODINGS``.

    Raises ``UnreadableBody`` for what is not in that encoding and ``PayloadTooLarge`` as soon as ``largest``
    bytes are passed.
    """
    try:
        inflated = ENCODINGS[encoding](body, largest)
    except (UnreadableBody, zlib.error, brotli.error, zstd.ZstdError):
        raise UnreadableBody(
            f"The body is not valid {encoding}, or it is cut off.", code="request_decoding_error"
        ) from None
    if len(inflated) > largest:
        raise PayloadTooLarge(f"The body is larger than {largest} bytes when inflated.")
    return inflated


def _identity(body: bytes, largest: int) -> bytes:
    return body


def _gzip(body: bytes, largest: int) -> bytes:
    if not body.startswith(GZIP):
        raise UnreadableBody("No gzip.")
    return inflate_gzip(body, largest=largest)


def _deflate(body: bytes, largest: int) -> bytes:
    stream = zlib.decompressobj()
    inflated = stream.decompress(body, largest + 1)
    _refuse_cut_off(is_whole=stream.eof or len(inflated) > largest)
    return inflated


def _brotli(body: bytes, largest: int) -> bytes:
    stream = brotli.Decompressor()
    inflated = bytearray(stream.process(body, output_buffer_limit=_STEP))
    while not stream.is_finished() and len(inflated) <= largest:
        more = stream.process(b"", output_buffer_limit=_STEP)
        _refuse_cut_off(is_whole=bool(more) or stream.is_finished())
        inflated += more
    return bytes(inflated)


def _zstd(body: bytes, largest: int) -> bytes:
    inflated = bytearray()
    frames = 0
    while body and len(inflated) <= largest:
        frames += 1
        if frames > MOST_MEMBERS:
            raise UnreadableBody("Too many frames.")
        # A frame that says that it is too large would else be refused for its window, by the wrong name.
        if (zstd.get_frame_info(body).decompressed_size or 0) > largest:
            raise PayloadTooLarge(f"The body is larger than {largest} bytes when inflated.")
        stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW})
        inflated += stream.decompress(body, largest - len(inflated) + 1)
        _refuse_cut_off(is_whole=stream.eof or len(inflated) > largest)
        body = stream.unused_data
    return bytes(inflated)


def _refuse_cut_off(*, is_whole: bool) -> None:
    if not is_whole:
        raise UnreadableBody("The body is cut off.")


ENCODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "identity": _identity,
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
