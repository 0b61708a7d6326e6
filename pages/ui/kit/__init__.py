"""Parts that the pages draw with: cards, token places, heat map cells, titles."""
