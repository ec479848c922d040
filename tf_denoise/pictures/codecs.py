"""Pixels out of and into the bytes of picture files, format by format.

A decoder takes a path and gives a `Decoded`. An encoder takes a path, pixels `(height, width, channels)` as stored, the
`Picture` they were made from, the orientation and the JPEG quality.
"""

from tf_denoise.pictures import bmp, jpeg, png, tiff

DECODERS = {"PNG": png.decode, "JPEG": jpeg.decode, "BMP": bmp.decode, "TIFF": tiff.decode}
ENCODERS = {"PNG": png.encode, "JPEG": jpeg.encode, "BMP": bmp.encode, "TIFF": tiff.encode}
