"""`acd check`: what a configuration would mean, before it is live. Nothing here changes anything."""
