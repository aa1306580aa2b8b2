"""Where charge points stand: sites, their owners and their operator."""
