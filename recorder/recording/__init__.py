"""What a recording is: the segmenter (pure), its files, its manifest, and their storage."""
