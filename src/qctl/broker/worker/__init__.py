"""What a worker is made of: the claim, the job, its end, and where it runs."""
