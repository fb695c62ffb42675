"""Image augmentation and image sizes: every batch is changed at random while training, so that no image comes twice.

Images are channels-last, float or uint8: a batch (N, H, W, C), a single image, or a dictionary with "images" and
"labels". Every image of a batch is changed in its own way. In a model the random layers work in training only; called
by themselves they work, as in Keras, unless `training=False` says otherwise.

Random numbers come through `feed`, drawn from the layer's SeedGenerator before each step: a replayed step draws anew,
and an explained one can be replayed.

`base`       what a layer of images takes and gives, its random numbers;  `sizes`  Resizing, CenterCrop
`geometry`   translation, rotation, zoom, shear, crop, flip, elastic bending;  `intensity`  brightness, contrast
`boxes`      erasing;  `mixing`  MixUp, CutMix
"""

from glassnet.layers.augmentation.boxes import RandomErasing
from glassnet.layers.augmentation.geometry import (
    RandomCrop,
    RandomElasticTransform,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from glassnet.layers.augmentation.intensity import RandomBrightness, RandomContrast
from glassnet.layers.augmentation.mixing import CutMix, MixUp
from glassnet.layers.augmentation.sizes import CenterCrop, Resizing

__all__ = [
    "CenterCrop", "CutMix", "MixUp", "RandomBrightness", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom", "Resizing",
]  # fmt: skip
