// Listens to the gateway with the official Socket.IO client, and prints everything it receives as lines of JSON. Its
// argument is a plan: see live.py. SIGUSR2 closes the connection, and the next SIGUSR2 connects again.
const plan = JSON.parse(process.argv[2]);
const { io } = require(`v${plan.version}`);
const print = (what, more) => console.log(JSON.stringify({ what, ...more }));

const socket = io(plan.url, { auth: { token: plan.token }, ...plan.options });

socket.on("connect", () => {
  print("connect", { recovered: socket.recovered === true });
  socket.emit("request:stats");
});
socket.on("disconnect", (reason) => print("disconnect", { reason, active: socket.active }));
socket.on("connect_error", (error) => print("connect_error", { message: error.message }));

for (const name of ["job:created", "job:status:updated", "job:completed", "job:movedToDLQ", "job:dlq", "stats:update", "newMessage", "notification"]) {
  socket.on(name, (content) => print("event", { name, content, at: Date.now() }));
}

let away = false;
process.on("SIGUSR2", () => {
  away = !away;
  socket.io.reconnection(!away);
  if (away) socket.io.engine.close();
  else socket.connect();
});

setInterval(() => {}, 60000); // keeps node running without a connection
