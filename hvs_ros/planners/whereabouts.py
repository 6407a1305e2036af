# SPDX-License-Identifier: Apache-2.0
"""Whether a host is on this machine or a private network: views leave for no other unasked."""

from __future__ import annotations

from collections.abc import Sequence
import ipaddress
import socket
import threading

LOOK_UP_S = 2.0
# Not ``is_private``, which holds for tunnels (2001::/23), too: what is sent there may go anywhere.
_NEAR = tuple(map(ipaddress.ip_network, (
    '0.0.0.0/32', '127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16',
    '169.254.0.0/16', '::/128', '::1/128', 'fc00::/7', 'fe80::/10')))


def is_near(address: str) -> bool:
    """Return whether an IP address is this machine's or of a private network."""
    # an interface's name follows IPv6 addresses alone: 10.0.0.1%.example.com is a name
    scoped = ':' in address
    found = ipaddress.ip_address(address.partition('%')[0] if scoped else address)
    meant = getattr(found, 'ipv4_mapped', None) or found
    return any(meant in network for network in _NEAR)


def all_near(addresses: Sequence[str]) -> bool:
    """Return whether every address that a host's name stands for is near."""
    return bool(addresses) and all(map(is_near, addresses))


def literal_near(host: str) -> bool | None:
    """Return whether a literal address is near, None for a name."""
    try:
        return is_near(host)
    except ValueError:
        return None


def looked_up_near(host: str, within_s: float = LOOK_UP_S) -> bool | None:
    """Return whether a host is near, None when its name is not known within the time."""
    literal = literal_near(host)
    if literal is not None:
        return literal
    found: list[str] = []

    def look_up() -> None:
        try:
            found.extend(
                str(entry[4][0])
                for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return

    # a resolver that hangs cannot be interrupted, only left behind
    looking = threading.Thread(target=look_up, daemon=True)
    looking.start()
    looking.join(within_s)
    return all_near(list(found)) if found else None
