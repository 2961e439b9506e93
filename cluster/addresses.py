"""Addresses with a password in them, as they may be shown and kept."""

import re

MASK = "***"

# A web address's password ends at its path. A database's may hold a slash, which SQLAlchemy takes as it is.
_WEB = re.compile(r"(\bhttps?://(?:[^\s/?#:@'\"]*:)?)[^\s/?#'\"]*@", re.IGNORECASE)
_OTHER = re.compile(r"(\b(?!https?:)[a-z][a-z0-9+.-]*://[^\s/:@]*:)\S*@", re.IGNORECASE)
_OPTION = re.compile(r"([?&;][^\s=&;]*(?:password|passwd|pwd|token|secret)[^\s=&;]*=)[^\s&;]+", re.IGNORECASE)


def masked(text: str) -> str:
    """`text` with `***` for every password in an address: `user:password@`, `?password=`, `token@` of a web address.

    What is masked already, and text without an address, stays as it is. Whatever is shown, logged or stored and may
    hold an address that a user gave goes through here.
    """
    for pattern, with_mask in ((_WEB, rf"\1{MASK}@"), (_OTHER, rf"\1{MASK}@"), (_OPTION, rf"\1{MASK}")):
        text = pattern.sub(with_mask, text)
    return text
