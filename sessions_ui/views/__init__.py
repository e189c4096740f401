"""One module a page: fetch with permission, make one domain call, render."""
