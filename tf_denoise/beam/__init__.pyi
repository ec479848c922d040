from .pictures import (
    DenoisePictures as DenoisePictures,
)
