"""One-off studies whose results stand in a page; see README.md. Not part of the installed package."""
