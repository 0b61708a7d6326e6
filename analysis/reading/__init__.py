"""What one text shows: trace, winners, split, attention, layers, margins."""
