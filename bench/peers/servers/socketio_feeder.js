// A second Socket.IO server without clients, which hears of rows and emits them: the Postgres adapter takes them to the
// first. Environment: DATABASE_URL.

const { Pool } = require("pg");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/postgres-adapter");
const { listen } = require("./rows");

const io = new Server({ adapter: createAdapter(new Pool({ connectionString: process.env.DATABASE_URL })) });
io.of("/");
listen(process.env.DATABASE_URL, (row) => io.to(row.user_id).emit("message", row)).then(() => console.log("ready"));
