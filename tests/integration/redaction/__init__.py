"""Redacting: the source, our copies, the bytes of files."""
