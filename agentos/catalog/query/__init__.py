"""The query language of lists: text to a typed tree and back, and from the tree to filters of the catalog."""
