"""What a server prints once it answers: its addresses, and new pairing codes; and the page that it opens."""

import asyncio
import os
import sys
import webbrowser

from demo.conductor import ShowHost
from demo.console_output import ConsoleWriter
from demo.show import commands as c
from demo.startup_report import AccessInfo, format_access_lines
from demo.web.access.invitations import describe_new_codes, own_link_of
from demo.web.access.policy import AccessPolicy


def greet(conductor: ShowHost, access: AccessPolicy, say: ConsoleWriter, *, open_page: bool) -> None:
    """Print the addresses, and again whenever a pairing code was used; with `open_page` open the presenter's page."""
    addresses, pairing = access.addresses, access.pairing
    on_terminal = sys.stdout.isatty()
    own_link = own_link_of(access)
    token = access.token
    access_info = AccessInfo(
        addresses.main_url,
        addresses.local_url,
        own_link,
        access.invitation(),
        token.path if token else None,
        token.lost if token else "",
        addresses.is_unencrypted,
        bool(addresses.public),
    )
    say(*format_access_lines(access_info, on_terminal))
    if pairing is not None:
        pairing.subscribe(lambda: say(*describe_new_codes(access, on_terminal)))
    if say.is_quiet:
        hint = ", I shows how to pair" if pairing else ""
        text = f"pages: {addresses.main_url}/ /presenter /remote{hint}"
        conductor.enqueue("show", c.Notice(text, "note"))
    if open_page and on_terminal and _has_desktop():
        page = own_link or f"{addresses.local_url}/presenter"
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, page)


def _has_desktop() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
