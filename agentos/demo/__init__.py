"""Sessions to look at when there is no Agno database yet, written through the same door as real turns."""
