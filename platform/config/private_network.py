"""Which addresses lie inside the clinic: this machine's own and those that no router passes on to the internet.

Knows nothing of Django. Patient text goes to no other address.
"""

import socket
from ipaddress import IPv6Address, ip_address, ip_network

# RFC 1918 and RFC 4193. Not ``is_private``, which counts documentation, benchmarks and a cloud's own services as private.
NETWORKS = [
    ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]


def is_inside(address: str) -> bool:
    """Raises ValueError for what is no IP address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in NETWORKS)


def is_public(host: str) -> bool:
    """Whether ``host`` is an IP address outside. A name is not: it must be looked up."""
    try:
        return not is_inside(host)
    except ValueError:
        return False


def addresses_of(host: str) -> set[str]:
    """What the name leads to just now; nothing where nobody knows it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(address[0]) for *_, address in found}
