// Bull and BullMQ with the jobs that every worker of the benchmarks runs: `noop.js bull|bullmq work`, `... fill COUNT`,
// `... ask COUNT` (how soon a job begins, in seconds, a line each), `... hold SECONDS` (a job that takes so long).
const fs = require("fs");
const Redis = require("ioredis");

const [kind, verb, number] = process.argv.slice(2);
const url = new URL(process.env.BENCH_REDIS);
const redis = { host: url.hostname, port: Number(url.port), db: Number(url.pathname.slice(1) || 0) };
const now = () => (performance.timeOrigin + performance.now()) / 1000;

function worker() {
  const done = fs.openSync(process.env.BENCH_DONE, "a");
  const teller = new Redis(redis);
  const run = async (job) => {
    if (job.name === "noop") return void fs.writeSync(done, ".");
    await teller.rpush("began", now());
    await new Promise((resolve) => setTimeout(resolve, job.data.seconds * 1000));
  };
  if (kind === "bull") {
    const Queue = require("bull");
    const queue = new Queue("bench", { redis });
    for (const name of ["noop", "tell"]) queue.process(name, run);
  } else {
    const { Worker } = require("bullmq");
    new Worker("bench", run, { connection: redis });
  }
}

function queue() {
  if (kind === "bull") return new (require("bull"))("bench", { redis });
  return new (require("bullmq").Queue)("bench", { connection: redis });
}

async function fill(count) {
  const jobs = queue();
  for (let start = 0; start < count; start += 500) {
    await jobs.addBulk(Array.from({ length: Math.min(500, count - start) }, () => ({ name: "noop", data: {} })));
  }
  await jobs.close();
}

async function ask(count) {
  const jobs = queue();
  const answers = new Redis(redis);
  for (let n = 0; n <= count; n++) {
    const before = now();
    await jobs.add("tell", { seconds: 0 });
    const [, began] = await answers.blpop("began", 60);
    if (n) console.log(Number(began) - before);
  }
  answers.disconnect();
  await jobs.close();
}

async function hold(seconds) {
  const jobs = queue();
  await jobs.add("tell", { seconds });
  await jobs.close();
}

({ work: worker, fill, ask, hold })[verb](Number(number));
