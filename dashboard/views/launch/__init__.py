"""Launch: choose, see what follows, launch."""
