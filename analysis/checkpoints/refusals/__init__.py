"""Why a checkpoint is not opened: in whose file, what it is, and what to do next."""
