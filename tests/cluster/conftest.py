"""Tokens on for every Ray of these tests."""

import os

# Ray reads this once, when it is first imported: as the users of a cluster are told to, before anything else.
os.environ.setdefault("RAY_AUTH_MODE", "token")
