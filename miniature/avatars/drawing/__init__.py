"""Drawing an avatar from its attributes."""
