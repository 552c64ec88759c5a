"""Learning the style of a painting as token vectors by inversion, and the files that hold learned styles."""
