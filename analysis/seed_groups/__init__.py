"""A checkpoint trained with several seeds: the average of what its seeds show."""
