"""The live side: listeners, one session per connection, rooms. Knows RTMP, never HTTP."""
