"""Export of a picture, and the collection of figures that every page adds to."""
