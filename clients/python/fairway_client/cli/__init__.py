"""`fairway` on the command line."""
