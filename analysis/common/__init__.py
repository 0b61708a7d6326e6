"""Shared helpers: records, phrases, jobs, memory."""
