"""Unwraps S/MIME and other CMS envelopes, which contain a document or message. Signatures are not verified."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from layers.decoders.ber import Value, first_value

MAX_BYTES = 64 << 20
KINDS = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
PEM = re.compile(rb"-----(?:BEGIN|END)[^-]*-----")
BASE64 = re.compile(rb"^[A-Za-z0-9+/=\s]+$")
# Object identifiers of the kinds of envelopes (RFC 5652, 3274, 5083). All begin with PREFIX.
PREFIX = b"\x2a\x86\x48\x86\xf7\x0d\x01"
SIGNED, COMPRESSED = PREFIX + b"\x07\x02", PREFIX + b"\x09\x10\x01\x09"
LOCKED = frozenset({PREFIX + b"\x07\x03", PREFIX + b"\x07\x04", PREFIX + b"\x07\x06", PREFIX + b"\x09\x10\x01\x17"})
ENVELOPED_CONTENT, IDENTIFIER, SEQUENCE = 0x80, 0x06, 0x10  # tags without the bit for constructed values


class Encrypted(Exception):
    """The envelope can't be opened without a key."""


def is_envelope(kind: str, name: str) -> bool:
    """Whether a part claims to be an envelope, by its media type or the suffix of its name."""
    return kind in KINDS or name.lower().endswith((".p7m", ".p7z"))


def unwrapped(content: bytes) -> bytes:
    """The content of a signed or compressed envelope; empty for an envelope that has only certificates.

    Raises Encrypted, and ValueError if it is damaged or too large.
    """
    try:
        kind, envelope = _content_of(first_value(_binary(content)))
        if kind in LOCKED:
            raise Encrypted
        if kind not in (SIGNED, COMPRESSED) or envelope is None:
            raise ValueError("it is of an unknown kind")
        # Before its content, an envelope has a version and the names of algorithms.
        _, held = _content_of(envelope.inner()[2])
        data = held.octets() if held is not None else b""
        return _inflated(data) if kind == COMPRESSED else data
    except (IndexError, RecursionError, zlib.error) as error:
        raise ValueError("it is damaged") from error


def _content_of(info: Value) -> tuple[bytes, Value | None]:
    """The kind and the content of a structure that names the kind of its content."""
    kind, *content = info.inner()
    if info.tag != SEQUENCE or kind.tag != IDENTIFIER:
        raise ValueError("it is damaged")
    if not content or content[0].tag != ENVELOPED_CONTENT:
        return kind.contents, None
    return kind.contents, content[0].inner()[0]


def _inflated(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, MAX_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError("it unpacks to more than the limit")
    return content


def _binary(content: bytes) -> bytes:
    """The envelope in binary form: decoded if it is written as text."""
    if content[:1] == b"\x30":
        return content
    text = PEM.sub(b"", content).strip()
    if BASE64.match(text):
        try:
            return base64.b64decode(text)
        except binascii.Error:
            return content
    return content
