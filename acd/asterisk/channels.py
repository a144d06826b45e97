"""What is known of the channels on one Asterisk server: names, who is on his way into a bridge, who has been marked.

Calls writes it down as the server's events tell; Orders reads it, and notes what it has asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set

from acd.center import offers
from acd.center.model import ChannelId, OfferId


class Channels:
    def __init__(self) -> None:
        self.name_of: dict[ChannelId, str] = {}
        """Channel names of callers and legs: Bridge alone looks a Uniqueid up by prefix, and could take another's."""
        self.to_bridge: dict[ChannelId, tuple[ChannelId, OfferId]] = {}
        """Of callers and legs on their way into a common bridge: with whom, and by which offer."""
        self.bridge_of: dict[ChannelId, str] = {}
        """Of those, the bridge that each has come into."""
        self.marked: set[ChannelId] = set()
        """Callers whose dialplan has been told that they are answered."""
        self.legs: dict[ChannelId, str] = {}
        """Legs that live, each with the reason for which its Originate failed, if it has."""
        self.mobiles: set[ChannelId] = set()
        """Legs that were dialled at mobiles."""
        self.rang: set[ChannelId] = set()
        """Legs whose telephones have rung."""
        self.forwarded: set[ChannelId] = set()
        """Legs whose telephones have answered that somebody else is to be called in their place."""
        self.answered: set[ChannelId] = set()
        """Channels that are up."""
        self.settled_at: dict[ChannelId, float] = {}
        """Those that were redirected: the moment, by the loop's clock, from which on they may be bridged."""
        self.lingering: dict[ChannelId, asyncio.TimerHandle] = {}
        """Legs that have lost and may be picked up just now, each with what is to be done about it soon."""
        self.picked_up: dict[ChannelId, OfferId] = {}
        """Channels of other telephones that stand in the place of a leg."""
        self.sent_on: set[ChannelId] = set()
        """Legs whose callers have transferred them."""

    def forget(self, channel: ChannelId) -> str:
        """It has ended. Answers with the reason for which its Originate failed, if it was a leg's and has."""
        self.name_of.pop(channel, None)
        self.settled_at.pop(channel, None)
        self.forget_bridging(channel)
        self.stop_lingering(channel)
        for known in (self.marked, self.mobiles, self.rang, self.forwarded, self.answered, self.sent_on):
            known.discard(channel)
        self.picked_up.pop(channel, None)
        return self.legs.pop(channel, "")

    def linger(self, channel: ChannelId, seconds: float, then: Callable[[ChannelId], None]) -> None:
        def over() -> None:
            del self.lingering[channel]
            then(channel)

        self.stop_lingering(channel)
        self.lingering[channel] = asyncio.get_running_loop().call_later(seconds, over)

    def stop_lingering(self, channel: ChannelId) -> bool:
        """Answers whether it did."""
        timer = self.lingering.pop(channel, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def stop_all_lingering(self) -> None:
        for channel in list(self.lingering):
            self.stop_lingering(channel)

    def offer_of(self, channel: ChannelId) -> OfferId | None:
        """The offer whose leg this is; one that another telephone has picked up, or that was sent on, is none now."""
        if channel in self.picked_up:
            return self.picked_up[channel]
        if channel in self.sent_on:
            return None
        offer = offers.offer_of(channel)
        return None if offer in self.picked_up.values() else offer

    def is_of_a_phone(self, channel: ChannelId) -> bool:
        """It was not made by us, or has become an ordinary call."""
        return channel in self.sent_on or offers.offer_of(channel) is None

    def keep(self, alive: Set[ChannelId]) -> None:
        """What ended unheard is forgotten, where nothing but its end would have it forgotten."""
        self.picked_up = {channel: offer for channel, offer in self.picked_up.items() if channel in alive}
        self.settled_at = {channel: at for channel, at in self.settled_at.items() if channel in alive}
        for known in (self.mobiles, self.rang, self.forwarded, self.sent_on):
            known.intersection_update(alive)

    def expect_bridge(self, caller: ChannelId, leg: ChannelId, offer: OfferId) -> None:
        self.to_bridge[caller] = (leg, offer)
        self.to_bridge[leg] = (caller, offer)

    def forget_bridging(self, channel: ChannelId) -> None:
        partner, _ = self.to_bridge.pop(channel, (channel, None))
        self.to_bridge.pop(partner, None)
        self.bridge_of.pop(channel, None)
        self.bridge_of.pop(partner, None)

    def forget_all_bridging(self) -> None:
        self.to_bridge.clear()
        self.bridge_of.clear()
