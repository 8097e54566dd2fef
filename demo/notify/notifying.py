"""Begins and ends the notifying of other tools around a show; costs nothing where nobody is told."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from demo.notify.delivery import Delivery
from demo.notify.notified_show import NotifiedShow
from demo.notify.receivers import Receivers


@contextlib.asynccontextmanager
async def notifying(show: NotifiedShow, receivers: Receivers) -> AsyncIterator[Sequence[Delivery[Any]]]:
    """Tell the receivers what happens; after the show they get what is still waiting, for a short time."""
    if receivers.is_empty:
        yield ()
        return
    # Only here: it needs an HTTP client, whose import takes longer than most of a start.
    from demo.notify.notifier import Notifier  # noqa: PLC0415

    notifier = Notifier(show, receivers)
    notifier.start()
    try:
        yield notifier.deliveries
    finally:
        await notifier.close()


def describe_receivers(receivers: Receivers) -> Iterator[str]:
    """Yield a line for each receiver, for the terminal, without anything secret."""
    yield from (f"webhook    {address}" for address in receivers.webhooks)
    if receivers.grafana is not None:
        yield f"grafana    annotations at {receivers.grafana.address}"
