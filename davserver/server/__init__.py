"""The HTTP server: cheroot with bounds, in one process or several on one port."""
