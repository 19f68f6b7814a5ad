"""The company over HTTP: events in, decisions out, each durable before it is answered."""
