"""Telling others what happens: events into an outbox on disk, and their delivery.

The recorder writes events (`outbox`, `journal`) and never waits for anybody. Whoever delivers
(`deliver`) is another task, on an appliance another process: it reads the journal, calls programs
and URLs, and remembers what is done (`progress`). What an event means is the app's to know.
"""
