"""Agno's import path `agno.models.metrics`; what it names is at home elsewhere."""

from agentos.records import Metrics

__all__ = ["Metrics"]
