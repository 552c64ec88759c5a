"""Hand-written painters, a file for each way of working; each paints one scene of its own: `(rng) -> (512, 512, 3)`."""
