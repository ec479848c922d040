"""Which parts of Keras, KerasHub and this package a network for use may be made of: all others are refused.

A list of what is allowed, because nobody can list what is dangerous: `TFSMLayer` loads a SavedModel, the operation
`Switch` calls functions, `StringLookup` reads a file, and the next version of Keras brings others. Here stand the
layers and operations of ordinary image networks.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BY_DIMENSION = (
    "Conv Convolution AveragePooling AvgPool MaxPooling MaxPool GlobalAveragePooling GlobalAvgPool GlobalMaxPooling "
    "GlobalMaxPool AdaptiveAveragePooling AdaptiveMaxPooling Cropping SpatialDropout UpSampling ZeroPadding"
)
LAYERS = _names(
    "Activation Add AlphaDropout AdditiveAttention Attention Average BatchNormalization CenterCrop Concatenate Dense "
    "Dot Dropout ELU EinsumDense Flatten GaussianDropout GaussianNoise GroupNormalization GroupQueryAttention Identity "
    "InputLayer LayerNormalization LeakyReLU Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute "
    "RMSNormalization ReLU Rescaling Reshape Resizing Softmax SpectralNormalization Subtract UnitNormalization "
    "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D"
) | {
    f"{name}{dimensions}D{transposed}"
    for name in _BY_DIMENSION.split()
    for dimensions in (1, 2, 3)
    for transposed in (("", "Transpose") if name.startswith("Conv") else ("",))
}
ACTIVATIONS = _names(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold"
)
_INITIALIZERS = _names(
    "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones "
    "Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros"
)
_ARRAY_OPERATIONS = _names(
    "Absolute Abs Add Amax Amin Average BroadcastTo Clip Concatenate Copy Divide DivideNoNan Einsum Exp Expm1 "
    "ExpandDims Flip Floor GetItem Log Log1p Matmul Max Maximum Mean Median Min Minimum Moveaxis Multiply Negative Pad "
    "Power Ravel Reciprocal Reshape Roll Round Sign Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Tanh "
    "Tensordot Transpose TrueDivide Var Where"
)
_NETWORK_OPERATIONS = _names(
    "AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace DepthwiseConv "
    "DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid "
    "LogSoftmax MaxPool Normalize RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus "
    "Softsign SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold"
)
CLASSES = {
    "keras": _names("Sequential DTypePolicy"),
    "keras.models": _names("Sequential"),
    "keras.src.models.sequential": _names("Sequential"),
    "keras.src.models.functional": _names("Functional"),
    "keras.layers": LAYERS,
    "keras.initializers": _INITIALIZERS,
    "keras.regularizers": _names("L1 L1L2 L2 OrthogonalRegularizer"),
    "keras.constraints": _names("MaxNorm MinMaxNorm NonNeg UnitNorm"),
    "keras.dtype_policies": _names("DTypePolicy FloatDTypePolicy"),
    "keras.src.ops.numpy": _ARRAY_OPERATIONS,
    "keras.src.ops.nn": _NETWORK_OPERATIONS,
    "keras.src.ops.core": _names("Cast SaturateCast StopGradient"),
    "keras.src.ops.image": _names("CropImages PadImages Resize"),
    "keras.src.ops.math": _names("Rsqrt"),
}
"""By module, as Keras writes it, the classes that are allowed."""
FUNCTIONS = {"keras.activations": ACTIVATIONS, "builtins": ACTIVATIONS}
"""By module, the functions that are allowed."""
COMPILED = ("keras.optimizers", "keras.optimizers.schedules", "keras.losses", "keras.metrics")
"""Modules whose classes are allowed in how a network within the network was compiled; the network's own is ignored."""
KERAS_HUB = _names("ViTBackbone ViTPatchingAndEmbedding ViTEncoder ViTEncoderBlock MLP")
"""The registered classes of KerasHub that are allowed."""
DATA = _names("__keras_tensor__ __tensor__ __numpy__ __ellipsis__ __slice__")
"""What stands for a value and not for an object."""
