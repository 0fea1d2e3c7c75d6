// On each message: 500 readings or 200 ms make a batch; while one is being stored the next one grows.
const state = context.get("state");
const reading = msg.payload;
state.batch.push([msg.topic.split("/")[2], reading.measured_at,
    ...state.names.map((name) => reading[name])]);
if (state.batch.length >= 500) state.flush();
else state.arm();
