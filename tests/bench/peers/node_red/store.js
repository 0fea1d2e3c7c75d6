// On each message: a batch of at least 500 readings or 200 ms, one INSERT each, one after the other.
const names = ["fume", "pm", "nmhc", "temperature", "humidity", "velocity",
    "fan_on", "fan_current", "purifier_on", "purifier_current", "quality"];
const types = ["text", "timestamptz", ...Array(6).fill("float8"),
    "boolean", "float8", "boolean", "float8", "text"];
const insert = {
    name: "insert",
    text: "insert into peer_reading select * from unnest("
        + types.map((type, i) => `$${i + 1}::${type}[]`).join(", ") + ")",
};

async function flush() {
    if (context.get("busy")) return;
    context.set("busy", true);
    try {
        let batch;
        while ((batch = context.get("batch")).length) {
            context.set("batch", []);
            const values = types.map((_, i) => batch.map((row) => row[i]));
            await context.get("client").query({ ...insert, values });
            if (context.get("batch").length < 500) break;
        }
    } catch (error) {
        node.error(error.message);
    }
    context.set("busy", false);
    clearTimeout(context.get("timer"));
    context.set("timer", null);
    if (context.get("batch").length) arm();
}

function arm() {
    if (!context.get("timer")) context.set("timer", setTimeout(flush, 200));
}

const batch = context.get("batch");
const reading = msg.payload;
batch.push([msg.topic.split("/")[2], reading.measured_at, ...names.map((name) => reading[name])]);
if (batch.length >= 500) flush();
else arm();
