"""Retention: which old recordings go, when, and what happens when the disk is full."""
