// Sends messages with the official Socket.IO client, in the ways that its documentation shows, and tells what happens
// in lines of JSON. Its one argument is a plan: see node.py.
const plan = JSON.parse(process.argv[2]);
const { io } = require(`v${plan.version}`);
const tell = (what, more) => console.log(JSON.stringify({ what, ...more }));

const retrying = plan.style === "retries" ? { retries: 100, ackTimeout: 2000 } : {};
const socket = io(plan.url, { ...plan.options, ...retrying });
let sent = 0;
let answered = 0;

socket.on("connect", () => tell("connect", { transport: socket.io.engine.transport.name }));
socket.on("disconnect", (reason) => tell("disconnect", { reason, active: socket.active }));

const answer = (content) => {
  answered += 1;
  tell("answer", { content });
};

const send = {
  silent: (message) => socket.emit("data", message),
  callback: (message) => socket.emit("data", message, answer),
  timeout: (message) => socket.timeout(10000).emit("data", message, (error, content) => answer(error ? null : content)),
  promise: async (message) => answer(await socket.timeout(10000).emitWithAck("data", message)),
  retries: (message) => socket.emit("data", message, (error, content) => answer(error ? null : content)),
}[plan.style];

const sending = setInterval(() => {
  if (sent < plan.count) {
    sent += 1;
    send({
      msg_id: `${plan.prefix}-${sent}`,
      message: `Hello ${sent} 🐘`,
      user_id: "u1",
      timestamp: new Date().toISOString(),
    });
  } else if (socket.connected && (plan.style === "silent" || answered >= plan.count)) {
    clearInterval(sending);
    setTimeout(() => {
      tell("done", { sent });
      socket.disconnect();
    }, 300);
  }
}, plan.every);
