// Listens to the gateway with the official Socket.IO client, written as the fourth seed document's page is, and tells
// what it hears in lines of JSON. Its one argument is a plan: see live.py. SIGUSR2 breaks its connection, and has it
// connect again the next time.
const plan = JSON.parse(process.argv[2]);
const { io } = require(`v${plan.version}`);
const tell = (what, more) => console.log(JSON.stringify({ what, ...more }));

const socket = io(plan.url, { auth: { token: plan.token }, ...plan.options });

socket.on("connect", () => {
  tell("connect", { recovered: socket.recovered === true });
  socket.emit("request:stats");
});
socket.on("disconnect", (reason) => tell("disconnect", { reason, active: socket.active }));
socket.on("connect_error", (error) => tell("connect_error", { message: error.message }));

for (const name of ["job:created", "job:status:updated", "job:completed", "job:movedToDLQ", "job:dlq", "stats:update"]) {
  socket.on(name, (content) => tell("event", { name, content, at: Date.now() }));
}

let away = false;
process.on("SIGUSR2", () => {
  away = !away;
  socket.io.reconnection(!away);
  if (away) socket.io.engine.close();
  else socket.connect();
});

setInterval(() => {}, 60000); // without a connection nothing else keeps node running
