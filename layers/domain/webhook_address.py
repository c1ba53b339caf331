"""Where a webhook may be delivered: rules for its URL, and for the addresses to which its host name resolves."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

LONGEST_URL = 2000
KAFKA_URL = "kafka:"  # events are published on a topic
# Addresses that look global but lead to an IPv4 address inside of them, and an obsolete private range.
REFUSED = tuple(map(ip_network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10")))


class Refused(ValueError):
    """A URL or an address that a webhook may not have."""


def networks(text: str) -> tuple[Network, ...]:
    """Networks such as `10.0.0.0/8, fd00::/8`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_deliverable(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether an IP address is public, or in one of the `allowed` networks.

    Not public are private, loopback, link-local, shared, multicast and reserved addresses.
    """
    if is_in(address, allowed):
        return True
    found = _plain(address)
    return not is_in(address, REFUSED) and found.is_global and not (found.is_multicast or found.is_reserved)


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an IP address is in one of these networks."""
    found = _plain(address)
    return any(found.version == network.version and found in network for network in networks)


def check_url(url: str, allowed: Sequence[Network] = (), *, publishes: bool = False) -> None:
    """Raise Refused unless a webhook may have this URL: https, or http if some networks are `allowed`, where alone it is
    then used. The addresses of a host name are checked at each delivery. `publishes`: events may go to Kafka."""
    if publishes and url == KAFKA_URL:
        return
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused(f"must have at most {LONGEST_URL} printable ASCII characters and no space")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused("is not a URL") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and allowed):
        raise Refused("must begin with https://")
    if not host or port == 0:
        raise Refused("must have a host, and no port 0")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("must have no user, password or fragment")
    try:
        address = str(ip_address(host))
    except ValueError:
        return
    if not (is_deliverable(address, allowed) if parts.scheme == "https" else is_in(address, allowed)):
        raise Refused("must not be a private, loopback, link-local or reserved address")


def _plain(address: str) -> Address:
    """An address without its zone; an IPv4 address that is written as an IPv6 one as itself."""
    found = ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
