"""Recipes: how a picture is made from checkpoints, a text and a few parameters."""
