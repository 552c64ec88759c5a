"""One-off studies whose results are in the documentation; see README.md. Not part of the installed package."""
