"""The classes of models: what a pickle of weights may make objects of, module by module.

Each is the public ``torch.nn.Module`` classes that the module defines, besides the losses, which
Ultralytics keeps in its models. A module also holds functions, enums, context managers and what it
imports from elsewhere; a pickle that names one of those is refused.
tests/core/weights/test_names.py compares this with what is installed, both ways.
"""

from __future__ import annotations

# As installed: what `named` looks up is split from this.
_INSTALLED = {
    "torch.nn.modules.activation": """
        CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid
        LogSoftmax Mish MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax
        Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold
    """,
    "torch.nn.modules.adaptive": "AdaptiveLogSoftmaxWithLoss",
    "torch.nn.modules.batchnorm": """
        BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
        SyncBatchNorm
    """,
    "torch.nn.modules.channelshuffle": "ChannelShuffle",
    "torch.nn.modules.container": """
        Container ModuleDict ModuleList ParameterDict ParameterList Sequential
    """,
    "torch.nn.modules.conv": """
        Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d
        LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
    """,
    "torch.nn.modules.distance": "CosineSimilarity PairwiseDistance",
    "torch.nn.modules.dropout": """
        AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout
    """,
    "torch.nn.modules.flatten": "Flatten Unflatten",
    "torch.nn.modules.fold": "Fold Unfold",
    "torch.nn.modules.instancenorm": """
        InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d
        LazyInstanceNorm3d
    """,
    "torch.nn.modules.linear": """
        Bilinear Identity LazyLinear Linear NonDynamicallyQuantizableLinear
    """,
    "torch.nn.modules.loss": """
        BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss
        HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss LinearCrossEntropyLoss MSELoss
        MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss
        NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss
        TripletMarginWithDistanceLoss
    """,
    "torch.nn.modules.module": "Module",
    "torch.nn.modules.normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "torch.nn.modules.padding": """
        CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d
        ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d
        ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d
    """,
    "torch.nn.modules.pixelshuffle": "PixelShuffle PixelUnshuffle",
    "torch.nn.modules.pooling": """
        AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d
        AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d
        FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d
        MaxUnpool2d MaxUnpool3d
    """,
    "torch.nn.modules.rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    "torch.nn.modules.sparse": "Embedding EmbeddingBag",
    "torch.nn.modules.transformer": """
        Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
        TransformerEncoderLayer
    """,
    "torch.nn.modules.upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    "ultralytics.nn.modules": """
        A2C2f AConv ADown AIFI Attention BNContrastiveHead Bottleneck BottleneckCSP C1 C2 C2PSA
        C2f C2fAttn C2fCIB C2fPSA C3 C3Ghost C3TR C3k2 C3x CBAM CBFuse CBLinear CIB
        ChannelAttention Classify Concat ContrastiveHead Conv Conv2 ConvTranspose DFL DWConv
        DWConvTranspose2d DeformableTransformerDecoder DeformableTransformerDecoderLayer Depth
        Detect ELAN1 Focus GhostBottleneck GhostConv HGBlock HGStem ImagePoolingAttn Index
        LRPCHead LayerNorm2d LightConv MLP MLPBlock MSDeformAttn MaxSigmoidAttnBlock OBB OBB26
        PSA Pose Pose26 Proto RTDETRDecoder RepC3 RepConv RepNCSPELAN4 RepVGGDW ResNetLayer
        SCDown SPP SPPELAN SPPF Segment Segment26 SemanticSegment SpatialAttention TorchVision
        TransformerBlock TransformerEncoderLayer TransformerLayer WorldDetect YOLOEDetect
        YOLOESegment YOLOESegment26 v10Detect
    """,
    "ultralytics.nn.modules.activation": "AGLU",
    "ultralytics.nn.modules.block": """
        A2C2f AAttn ABlock AConv ADown Attention BNContrastiveHead Bottleneck BottleneckCSP C1
        C2 C2PSA C2f C2fAttn C2fCIB C2fPSA C3 C3Ghost C3TR C3f C3k C3k2 C3x CBFuse CBLinear CIB
        ContrastiveHead DFL ELAN1 GhostBottleneck HGBlock HGStem ImagePoolingAttn
        MaxSigmoidAttnBlock PSA PSABlock Proto Proto26 RealNVP RepBottleneck RepC3 RepCSP
        RepNCSPELAN4 RepVGGDW ResNetBlock ResNetLayer Residual SAVPE SCDown SPP SPPELAN SPPF
        SwiGLUFFN TorchVision
    """,
    "ultralytics.nn.modules.conv": """
        CBAM ChannelAttention Concat Conv Conv2 ConvTranspose DWConv DWConvTranspose2d Focus
        GhostConv Index LightConv RepConv SpatialAttention
    """,
    "ultralytics.nn.modules.head": """
        Classify Depth Detect LRPCHead OBB OBB26 Pose Pose26 RTDETRDecoder Segment Segment26
        SemanticSegment WorldDetect YOLOEDetect YOLOESegment YOLOESegment26 v10Detect
    """,
    "ultralytics.nn.modules.transformer": """
        AIFI DeformableTransformerDecoder DeformableTransformerDecoderLayer LayerNorm2d MLP
        MLPBlock MSDeformAttn TransformerBlock TransformerEncoderLayer TransformerLayer
    """,
    "ultralytics.nn.tasks": """
        BaseModel ClassificationModel DepthModel DetectionModel Ensemble OBBModel PoseModel
        RTDETRDetectionModel SegmentationModel SemanticSegmentationModel WorldModel YOLOEModel
        YOLOESegModel
    """,
    "ultralytics.nn.distill_model": "DistillationModel FeatureHook",
    "ultralytics.utils.loss": """
        BCEDiceLoss BboxLoss DFLoss DepthLoss26 E2EDetectLoss E2ELoss FocalLoss KeypointLoss
        MultiChannelDiceLoss PoseLoss26 RLELoss RotatedBboxLoss SegmentLoss26
        SemanticSegmentationLoss TVPDetectLoss TVPSegmentLoss VarifocalLoss v8ClassificationLoss
        v8DetectionLoss v8OBBLoss v8PoseLoss v8SegmentationLoss
    """,
    "ultralytics.utils.tal": """
        PoseTaskAlignedAssigner RotatedTaskAlignedAssigner SegTaskAlignedAssigner
        TaskAlignedAssigner
    """,
    "ultralytics.utils": "IterableSimpleNamespace",
    "torchvision.transforms.transforms": "CenterCrop Compose Normalize Resize ToTensor",
}
# Names of earlier versions, which Ultralytics maps to those of today while it loads.
_OLD = {
    "ultralytics.nn.modules.block": "Silence",
    "ultralytics.nn.tasks": "YOLOv10DetectionModel",
    "ultralytics.utils.loss": "v10DetectLoss",
    "ultralytics.yolo.utils": "IterableSimpleNamespace",
    **{
        f"ultralytics.yolo.utils.{name}": _INSTALLED[f"ultralytics.utils.{name}"]
        for name in ("loss", "tal")
    },
}
# Those of YOLOv5, which is not there: Ultralytics says what to do about such a file.
_YOLOV5 = {
    "models.common": """
        AutoShape Bottleneck BottleneckCSP C3 C3Ghost C3SPP C3TR C3x Classify Concat Contract Conv
        CrossConv DWConv DWConvTranspose2d DetectMultiBackend Detections Expand Focus
        GhostBottleneck GhostConv NMS Proto SPP SPPF TransformerBlock TransformerLayer
    """,
    "models.experimental": "CrossConv Ensemble GhostBottleneck GhostConv MixConv2d Sum",
    "models.yolo": """
        BaseModel ClassificationModel Detect DetectionModel Model Segment SegmentationModel
    """,
}

# What torch calls of a module, and Ultralytics of a model.
_METHODS = """
    add_module append apply bfloat16 buffers children compile cpu cuda decouple_outputs double eval
    extend extra_repr float forward fuse get_buffer get_cls_pe get_distill_layers get_extra_state
    get_parameter get_submodule get_text_pe get_visual_pe get_vocab half info init_criterion insert
    ipu is_fused load load_state_dict loss loss_sl2 modules mtia named_buffers named_children
    named_modules named_parameters parameters pop predict register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ reshape_outputs
    set_classes set_extra_state set_head_attr set_submodule set_vocab share_memory state_dict to
    to_empty train type xpu zero_grad
"""


def _split(*lists: dict[str, str]) -> dict[str, frozenset[str]]:
    """Give the names of each module; several lists may have one."""
    split: dict[str, frozenset[str]] = {}
    for names in lists:
        for module, listed in names.items():
            split[module] = split.get(module, frozenset()) | frozenset(listed.split())
    return split


# Those that are no torch.nn.Module; a person has read that making one does nothing.
_PLAIN_LOSSES = """
    DepthLoss26 E2EDetectLoss E2ELoss PoseLoss26 SegmentLoss26 TVPDetectLoss TVPSegmentLoss
    v10DetectLoss v8ClassificationLoss v8DetectionLoss v8OBBLoss v8PoseLoss v8SegmentationLoss
"""
PLAIN = _split(
    {
        "torchvision.transforms.transforms": "Compose ToTensor",
        "ultralytics.nn.distill_model": "FeatureHook",
        "ultralytics.utils": "IterableSimpleNamespace",
        "ultralytics.utils.loss": _PLAIN_LOSSES,
        "ultralytics.yolo.utils": "IterableSimpleNamespace",
        "ultralytics.yolo.utils.loss": _PLAIN_LOSSES,
    }
)
INSTALLED = _split(_INSTALLED)
OLD = _split(_OLD)
YOLOV5 = _split(_YOLOV5)
CLASSES = _split(_INSTALLED, _OLD, _YOLOV5)
METHODS = frozenset(_METHODS.split())
