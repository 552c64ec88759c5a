"""The recipe of the embedded model: everything from folders of pictures to `inst/assets/mini/`, on a CPU."""
