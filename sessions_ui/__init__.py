"""The browser's side: pages, rendering, streaming and permissions."""
