// On start: one connection (PGHOST and the like name the database) and an empty batch.
const client = new (global.get("pg").Client)();
await client.connect();
context.set("client", client);
context.set("batch", []);
context.set("busy", false);
