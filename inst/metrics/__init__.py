"""How near a picture is to a painting's manner and to a photo's layout: the numbers of docs and benchmarks."""
