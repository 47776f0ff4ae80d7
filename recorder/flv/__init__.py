"""FLV: tags, codec headers, script data, timeline, and a scanner. Pure.

This package turns bytes into facts and facts into bytes. It knows no socket, file, clock or log,
and nothing of RTMP: an RTMP media message body *is* an FLV tag body, so every other part of the
recorder speaks about media in the words of this package. It imports `recorder.amf` and nothing
else of ours.
"""
