"""A server for one page and one model at a time; what it does is handed to it."""
