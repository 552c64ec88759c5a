"""Commands of the face-editing side."""
