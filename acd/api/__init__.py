"""The control HTTP API: roles, resources and errors. It holds no policy; it asks the center."""
