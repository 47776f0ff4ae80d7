"""AMF0 and AMF3: values of the Flash world <-> bytes.

Pure and bounded: no clock, no logging, nothing of ours. Whatever bytes come in, values or an
`AmfError` come out; `AmfLimits` holds every bound.
"""

from recorder.amf.amf0 import decode_value, decode_values
from recorder.amf.amf0_encoder import encode_values
from recorder.amf.amf3 import decode_amf3_value
from recorder.amf.amf3_encoder import encode_amf3_value
from recorder.amf.values import (
    DEFAULT_LIMITS,
    AmfBoundError,
    AmfError,
    AmfLimits,
    Date,
    Dictionary,
    EcmaArray,
    Marker,
    TypedObject,
    Value,
    Vector,
    VectorKind,
    Xml,
)

__all__ = [
    "DEFAULT_LIMITS",
    "AmfBoundError",
    "AmfError",
    "AmfLimits",
    "Date",
    "Dictionary",
    "EcmaArray",
    "Marker",
    "TypedObject",
    "Value",
    "Vector",
    "VectorKind",
    "Xml",
    "decode_amf3_value",
    "decode_value",
    "decode_values",
    "encode_amf3_value",
    "encode_values",
]
