"""RabbitMQ: the message bus between processes."""
