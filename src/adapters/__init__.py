"""How the outside fulfils the ports: HTTP, SQL, Redis, RabbitMQ, Meta, the sandbox, the embedded edition."""
