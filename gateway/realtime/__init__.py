"""The realtime transports: WebSocket, SSE and long-poll, three faces of one contract with one cursor."""
