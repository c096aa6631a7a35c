// Socket.IO and `pg`: a room for each user. Environment: DATABASE_URL, PORT; ADAPTER=1: with the Postgres adapter, rows
// are heard by a second process (socketio_feeder.js), and come from there.

const { createServer } = require("http");
const { Server } = require("socket.io");
const { listen } = require("./rows");

async function start() {
  const http = createServer();
  const io = new Server(http, { serveClient: false });
  if (process.env.ADAPTER === "1") {
    const { Pool } = require("pg");
    const { createAdapter } = require("@socket.io/postgres-adapter");
    io.adapter(createAdapter(new Pool({ connectionString: process.env.DATABASE_URL })));
  } else {
    await listen(process.env.DATABASE_URL, (row) => io.to(row.user_id).emit("message", row));
  }
  // What its page on memory advises: let go of the first request.
  io.engine.on("connection", (raw) => {
    raw.request = null;
  });
  io.on("connection", (socket) => socket.join(socket.handshake.auth.user));
  http.listen({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 4096 });
}

start();
