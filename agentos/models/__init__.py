"""Agno's import path `agno.models`; what it names is at home elsewhere."""
