"""The worker: claims, prefetch, the runners of jobs, their outcomes, and pauses."""
