"""Secrets and personal data in stored text, found by how they look, and taken out of what is shown."""

from agentos.masking.config import current
from agentos.masking.detectors import MASKED, Detectors
from agentos.masking.streams import StreamMask
from agentos.masking.values import masked_value

__all__ = ["MASKED", "Detectors", "StreamMask", "current", "masked_value"]
