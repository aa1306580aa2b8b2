"""A project: the job at a site that installers are assigned to, its charge points and its checklist."""
