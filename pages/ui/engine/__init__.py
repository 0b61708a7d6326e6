"""What runs behind the pages: models, answers, jobs, and where results are kept."""
