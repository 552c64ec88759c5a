"""inst: learn the style of one painting and give it to any photo or prompt."""
