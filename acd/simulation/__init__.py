"""A call centre without telephones: a clock that jumps, an Asterisk of our own making, and people drawn by lot."""
