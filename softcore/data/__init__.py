"""Files as people have them, read into records, images and data sets."""
