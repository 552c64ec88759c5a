"""What the measurements share: the machine, tables, pairs of photos and paintings, a model with its learned styles."""
