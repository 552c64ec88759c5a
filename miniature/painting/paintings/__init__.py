"""The paintings of `style_images/`, a module for each technique; each function is `(rng) -> (512, 512, 3)`."""
