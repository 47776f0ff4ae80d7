"""An RTMP recording appliance for classrooms and meeting rooms."""

__version__ = "0.1.0"
