"""The engine behind the pages: models, answers, jobs, and the folder of results."""
