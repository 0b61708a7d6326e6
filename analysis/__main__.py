"""The command line: ``python -m analysis render | rebuild | embed | doctor``."""

from __future__ import annotations

from analysis.commands import main

if __name__ == "__main__":
    raise SystemExit(main())
