"""Untrusted stored content made into safe HTML. Nothing else in the project turns stored text into markup."""

from sessions_ui.rendering.highlighting import code
from sessions_ui.rendering.json_tree import json_tree
from sessions_ui.rendering.markdown import markdown
from sessions_ui.rendering.text import clip, plain

__all__ = ["clip", "code", "json_tree", "markdown", "plain"]
