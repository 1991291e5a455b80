"""Settings, the container, the command line, services and loops: the only place that names an adapter."""
