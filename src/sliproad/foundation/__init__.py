"""The floor everything stands on: settings, database, jobs, bus, web plumbing, mail. It knows no feature."""
