"""What people and programs ask a running recorder, over HTTP."""
