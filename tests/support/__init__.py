"""What tests stand on: real processes and real servers, each in its own folder and on its own port."""
