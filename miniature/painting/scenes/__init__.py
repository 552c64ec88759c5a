"""Scenes drawn in code as substitutes for photos: `SCENES[name](rng) -> (512, 512, 3)` float32 RGB in [0, 1].

They have light, haze and soft textures but no outlines; sizes, positions, time of day and weather are random.
"""

from miniature.painting.scenes import coast, indoors, nature, towns
from miniature.painting.scenes.parts import SCENES

__all__ = ["SCENES", "coast", "indoors", "nature", "towns"]
