"""What operators see of a process: figures for Prometheus, and its log."""
