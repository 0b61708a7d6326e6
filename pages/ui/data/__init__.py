"""Data sets on the pages: choosing one, files, the Hub, and sets of sentences."""
