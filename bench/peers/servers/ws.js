// `ws` and `pg`: a map of users to their sockets, and each row to its user's. Environment: DATABASE_URL, PORT.

const { WebSocketServer } = require("ws");
const { listen } = require("./rows");

const sockets = new Map();

function hear(row) {
  const open = sockets.get(row.user_id);
  if (!open) return;
  const message = JSON.stringify(row);
  for (const socket of open) socket.send(message);
}

listen(process.env.DATABASE_URL, hear).then(() => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 4096 });
  server.on("connection", (socket, request) => {
    const user = new URL(request.url, "http://bench").searchParams.get("user");
    const open = sockets.get(user) ?? new Set();
    sockets.set(user, open.add(socket));
    socket.on("close", () => {
      open.delete(socket);
      if (open.size === 0 && sockets.get(user) === open) sockets.delete(user);
    });
    socket.on("error", () => socket.terminate());
  });
});
