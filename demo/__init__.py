"""A whole site to look at: `qctl up` in a home of its own, and made-up devices, clients, producers and an operator.

    make demo        # or: python -m demo

Everything comes the way that it comes in earnest: MQTT, Socket.IO, QueueService and the command line. Nothing is
written into Redis from here. Some of it fails, as things do. What each module sends a second is bounded, a handful of
messages and jobs, and what failed is thrown away after a while, so that it can run for days.
"""
