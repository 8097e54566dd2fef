"""The feed from a conductor to its relays: the message that contains what the audience sees, sent through Redis."""

from demo.relay.feed.address import DEFAULT_SHOW, FeedAddress, feed_address
from demo.relay.feed.message import FeedMessage
from demo.relay.feed.publisher import Publisher
from demo.relay.feed.redis_store import RelayStore
from demo.relay.feed.subscriber import Subscriber, report_viewers

__all__ = [
    "DEFAULT_SHOW",
    "FeedAddress",
    "FeedMessage",
    "Publisher",
    "RelayStore",
    "Subscriber",
    "feed_address",
    "report_viewers",
]
