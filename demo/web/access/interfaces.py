"""This machine's addresses by network interface, and which of them a phone in the room can most likely reach."""

import ipaddress
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LOOPBACK, _POINT_TO_POINT = 0x8, 0x10
"""IFF_LOOPBACK and IFF_POINTOPOINT, the same on Linux and BSD."""

_NETWORK_CARD = re.compile(r"(wl|en|eth|em|usb|ath|ra|p\d+p)\w*\d")
_VPN = re.compile(r"(tun|tap|wg|ppp|utun|ipsec|tailscale|zt|nordlynx|proton|gpd|cscotun|vpn|ovpn|nebula|wt)\w*")
_INTERNAL = re.compile(r"(docker|br-|veth|virbr|vmnet|vboxnet|vnet|lxc|lxd|incus|cni|flannel|cali|podman|kube|dummy)")
_BRIDGE = re.compile(r"(br|bridge)\d")

_SYS_CLASS_NET = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of one interface. `is_point_to_point`: only one other host can be reached by it, as in most VPNs."""

    address: str
    interface: str
    is_point_to_point: bool = False

    @property
    def is_internal(self) -> bool:
        """Return whether it belongs to a network inside this machine, as containers and virtual machines have."""
        return bool(_INTERNAL.match(self.interface))

    @property
    def is_vpn(self) -> bool:
        return self.is_point_to_point or bool(_VPN.fullmatch(self.interface))


def by_likelihood(found: Iterable[LocalAddress], way_out: str | None = None) -> tuple[LocalAddress, ...]:
    """Sort the addresses that a phone may reach, the likeliest first; `way_out` is the one towards the internet.

    Network cards come first, whether they lead to the internet or not. VPNs, even with the default route, and networks
    inside this machine come last. Loopback and link-local IPv6 addresses are left out.
    """
    usable = [one for one in dict.fromkeys(found) if not _is_useless(one.address)]
    return tuple(sorted(usable, key=lambda one: (_rank(one), one.address != way_out)))


def _is_useless(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return ip.is_loopback or ip.is_unspecified or ip.is_multicast or (ip.version == 6 and ip.is_link_local)


def _rank(one: LocalAddress) -> tuple[int, int]:
    ip = ipaddress.ip_address(one.address)
    if one.is_vpn:
        by_interface = 3
    elif one.is_internal:
        by_interface = 4
    else:
        is_card = bool(_NETWORK_CARD.fullmatch(one.interface)) or _has_hardware(one.interface)
        by_interface = 0 if is_card else 1 if _BRIDGE.match(one.interface) else 2
    if ip.version == 6:
        return by_interface, 2
    # 169.254.0.0/16 comes last: a card has such an address when no DHCP server answered.
    return by_interface, 3 if ip.is_link_local else 0 if ip.is_private else 1


def _has_hardware(interface: str) -> bool:
    """Return whether an interface is hardware, or a bridge that contains some; known on Linux only."""
    entry = _SYS_CLASS_NET / interface
    try:
        return (entry / "device").exists() or any((port / "device").exists() for port in (entry / "brif").glob("*"))
    except OSError:
        return False


def local_addresses() -> tuple[LocalAddress, ...] | None:
    """Return the addresses of all interfaces that are up, except loopback; None where the system does not tell."""
    try:
        return tuple(_read_interfaces())
    except (OSError, AttributeError, ValueError):
        return None


def _read_interfaces() -> Iterator[LocalAddress]:
    """Read the interfaces by `getifaddrs` of the C library, the one way that Linux, macOS and BSD share."""
    import ctypes  # noqa: PLC0415 - only open servers ask, and it takes some ms to import

    class InterfaceEntry(ctypes.Structure):  # `struct ifaddrs`; its fields are set below, for one points to the same.
        pass

    InterfaceEntry._fields_ = [
        ("next", ctypes.POINTER(InterfaceEntry)),
        ("name", ctypes.c_char_p),
        ("flags", ctypes.c_uint),
        ("address", ctypes.c_void_p),
        ("netmask", ctypes.c_void_p),
        ("other", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
    ]
    library = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(InterfaceEntry)()
    if library.getifaddrs(ctypes.byref(first)):
        raise OSError(ctypes.get_errno(), "getifaddrs")
    try:
        entry = first
        while entry:
            one = entry.contents
            text = _format_sockaddr(one.address, ctypes.string_at) if one.address else None
            if text is not None and one.flags & 1 and not one.flags & _LOOPBACK:  # 1 is IFF_UP.
                yield LocalAddress(text, one.name.decode(errors="replace"), bool(one.flags & _POINT_TO_POINT))
            entry = one.next
    finally:
        library.freeifaddrs(first)


def _format_sockaddr(address: int, read: Callable[[int, int], bytes]) -> str | None:
    """Format a C `sockaddr` as text; None for one that is not an IP address."""
    # BSD's and macOS's structure begins with one byte of length and one of family, Linux's with two bytes of family.
    head = read(address, 2)
    family = head[1] if sys.platform != "linux" else int.from_bytes(head, sys.byteorder)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, read(address + 4, 4))
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, read(address + 8, 16))
    return None
