"""Plain pictures drawn in code, stand-ins for photos: `SCENES[name](rng) -> (512, 512, 3)` float32 RGB in [0, 1].

Light, air and soft textures, no outlines; sizes, places, hour and weather come from the generator.
"""

from miniature.painting.scenes import coast, indoors, nature, towns
from miniature.painting.scenes.parts import SCENES

__all__ = ["SCENES", "coast", "indoors", "nature", "towns"]
