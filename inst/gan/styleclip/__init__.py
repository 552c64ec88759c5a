"""StyleCLIP (Patashnik et al. 2021): from a text to an edit by optimisation, by a mapper, or by a direction."""
