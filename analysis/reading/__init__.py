"""Results for one text: trace, winners, split, attention, layers, margins."""
