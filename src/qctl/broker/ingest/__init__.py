"""Redis side of data ingestion: buffers, rejects, topics and MQTT sessions."""
