"""A secret of every kind in runs under every kind of trouble, and none of them anywhere after."""
