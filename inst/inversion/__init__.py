"""The inversion side of InST."""
