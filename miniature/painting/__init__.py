"""Images drawn in code: procedural styles, the paintings of `style_images/`, and scenes."""
