"""Reads and changes a sqern database from Python; see `sqern_tools.util.connect()`."""
