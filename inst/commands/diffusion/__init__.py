"""Commands of the style-transfer side."""
