"""Everything that uses Streamlit and is not a page."""

from analysis.common.threads import wait_passively

wait_passively()  # here, since every page imports this package before anything imports torch
