"""The show on its way to relays: what one picture of it is, and a Redis between who makes it and who shows it."""

from demo.relay.feed.address import DEFAULT_SHOW, Address, feed_address
from demo.relay.feed.message import Picture
from demo.relay.feed.publisher import Publisher
from demo.relay.feed.redis_store import Store
from demo.relay.feed.subscriber import Follower, tell_viewers

__all__ = ["DEFAULT_SHOW", "Address", "Follower", "Picture", "Publisher", "Store", "feed_address", "tell_viewers"]
