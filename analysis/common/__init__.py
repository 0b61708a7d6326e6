"""What all rooms share: records, phrases, jobs, memory."""
