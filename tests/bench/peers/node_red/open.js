// On start: one connection (PGHOST and the like name the database), an empty batch, and how to store it.
const names = ["fume", "pm", "nmhc", "temperature", "humidity", "velocity",
    "fan_on", "fan_current", "purifier_on", "purifier_current", "quality"];
const types = ["text", "timestamptz", ...Array(6).fill("float8"),
    "boolean", "float8", "boolean", "float8", "text"];
const insert = {
    name: "insert",
    text: "insert into peer_reading select * from unnest("
        + types.map((type, i) => `$${i + 1}::${type}[]`).join(", ") + ")",
};
const client = new (global.get("pg").Client)();
await client.connect();

const state = { names, batch: [], busy: false, timer: null };
state.arm = () => {
    state.timer ??= setTimeout(state.flush, 200);
};
state.flush = async () => {
    if (state.busy) return;
    state.busy = true;
    try {
        do {
            const batch = state.batch;
            state.batch = [];
            const values = types.map((_, i) => batch.map((row) => row[i]));
            await client.query({ ...insert, values });
        } while (state.batch.length >= 500);
    } catch (error) {
        node.error(error.message);
    }
    state.busy = false;
    clearTimeout(state.timer);
    state.timer = null;
    if (state.batch.length) state.arm();
};
context.set("state", state);
