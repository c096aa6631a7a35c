// Hears of each row of peer_messages by LISTEN on a connection of its own, and says when it does.

const { Client } = require("pg");

async function listen(url, hear) {
  const client = new Client({ connectionString: url });
  client.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  client.on("notification", ({ payload }) => hear(JSON.parse(payload)));
  await client.connect();
  await client.query("LISTEN peer_messages");
}

module.exports = { listen };
