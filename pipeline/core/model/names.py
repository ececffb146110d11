"""What a model yaml may name: layers, activations and words that Ultralytics 8.4.190 understands.

Ultralytics looks names up in whatever its modules hold, functions that open files among them; only
what is listed here is a layer. ``tests/core/model/test_names.py`` holds the lists against the
installed packages.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Layers of ultralytics.nn.modules that parse_model finds; not whole models, which open files.
ULTRALYTICS = _names(
    """
    A2C2f AConv ADown AIFI Bottleneck BottleneckCSP C1 C2 C2PSA C2f C2fAttn C2fCIB C2fPSA C3 C3Ghost
    C3TR C3k2 C3x CBFuse CBLinear Classify Concat Conv Conv2 ConvTranspose DWConv DWConvTranspose2d
    Depth Detect ELAN1 Focus GhostBottleneck GhostConv HGBlock HGStem ImagePoolingAttn Index
    LRPCHead OBB OBB26 PSA Pose Pose26 RTDETRDecoder RepC3 RepConv RepNCSPELAN4 RepVGGDW ResNetLayer
    SCDown SPP SPPELAN SPPF Segment Segment26 SemanticSegment TorchVision WorldDetect YOLOEDetect
    YOLOESegment YOLOESegment26 v10Detect
    """
)
ACTIVATIONS = _names(
    """
    CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh Identity LeakyReLU LogSigmoid
    LogSoftmax Mish PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus
    Softshrink Softsign Tanh Tanhshrink Threshold
    """
)
# Layers of torch.nn for images: no losses, no containers, nothing of one axis or three.
TORCH_NN = ACTIVATIONS | _names(
    """
    AdaptiveAvgPool2d AdaptiveMaxPool2d AlphaDropout AvgPool2d BatchNorm2d ChannelShuffle
    CircularPad2d ConstantPad2d Conv2d ConvTranspose2d Dropout Dropout2d FeatureAlphaDropout Flatten
    FractionalMaxPool2d GroupNorm InstanceNorm2d LPPool2d Linear LocalResponseNorm MaxPool2d
    PixelShuffle PixelUnshuffle ReflectionPad2d ReplicationPad2d SyncBatchNorm Unflatten Upsample
    UpsamplingBilinear2d UpsamplingNearest2d ZeroPad2d
    """
)
TORCHVISION_OPS = _names(
    """
    Conv2dNormActivation DropBlock2d FrozenBatchNorm2d MLP Permute SqueezeExcitation StochasticDepth
    """
)
MODULES = (
    ULTRALYTICS
    | {f"nn.{name}" for name in TORCH_NN}
    | {f"torchvision.ops.{name}" for name in TORCHVISION_OPS}
)
# What the TorchVision layer may build: classifiers. Others fetch the weights of a backbone.
VISION_MODELS = _names(
    """
    alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161
    densenet169 densenet201 efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3
    efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_v2_l
    efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet0_75
    mnasnet1_0 mnasnet1_3 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf
    regnet_x_1_6gf regnet_x_32gf regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf
    regnet_y_128gf regnet_y_16gf regnet_y_1_6gf regnet_y_32gf regnet_y_3_2gf regnet_y_400mf
    regnet_y_800mf regnet_y_8gf resnet101 resnet152 resnet18 resnet34 resnet50 resnext101_32x8d
    resnext101_64x4d resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5
    shufflenet_v2_x2_0 squeezenet1_0 squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s
    swin_v2_t vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 vit_h_14
    vit_l_16 vit_l_32 wide_resnet101_2 wide_resnet50_2
    """
)
# torchvision's names for weights of its own release; steps download none (step_images/guards).
VISION_WEIGHTS = _names("None DEFAULT IMAGENET1K_V1 IMAGENET1K_V2")
# Keys of the model yaml that an argument may name; parse_model puts their values in.
ARGUMENT_KEYS = ("nc", "kpt_shape", "reg_max", "end2end")
# Words that layers of images take: ways to enlarge, to pad, to approximate.
WORDS = _names(
    """
    nearest nearest-exact linear bilinear bicubic area zeros reflect replicate circular constant
    same valid none tanh row batch
    """
)
# Text encoders that Ultralytics itself names; others would be opened, or fetched, as files.
TEXT_MODELS = ("clip:ViT-B/32", "mobileclip:blt", "mobileclip2:b")
