"""Side by side with a peer or a bare forward pass: only ratios within one run count."""
