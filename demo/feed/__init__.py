"""The show on its way to relays: what one picture of it is, and a Redis between who makes it and who shows it."""

from demo.feed.address import DEFAULT_SHOW, Address, feed_address
from demo.feed.follower import Follower, tell_viewers
from demo.feed.picture import Picture
from demo.feed.publisher import Publisher
from demo.feed.store import Store

__all__ = ["DEFAULT_SHOW", "Address", "Follower", "Picture", "Publisher", "Store", "feed_address", "tell_viewers"]
