// The first seed document's architecture at its simplest: mqtt.js, one Bull job a reading, InfluxDB's own client, which
// gathers batches of 1000 by itself. Its one argument holds the addresses of the servers.
const { InfluxDB, Point } = require("@influxdata/influxdb-client");
const Queue = require("bull");
const mqtt = require("mqtt");

const { broker, redis, influx } = JSON.parse(process.argv[2]);
const queue = new Queue("sensor-data", { redis: { path: redis } });
const write = new InfluxDB({ url: influx, token: "any" }).getWriteApi("o", "b", "ms", { batchSize: 1000, flushInterval: 500 });
const client = mqtt.connect(broker, { clientId: "node", clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } });

client.on("connect", () => client.subscribe("sensors/#", { qos: 1 }, () => console.log("subscribed")));
client.on("message", (topic, payload) => {
  const { ts, ...fields } = JSON.parse(payload);
  queue.add({ topic, ts, fields }, { removeOnComplete: true, attempts: 3 });
});

queue.process(50, async (job) => {
  const { topic, ts, fields } = job.data;
  const point = new Point("sensors").tag("device", topic.split("/")[1]).tag("topic", topic).timestamp(ts);
  for (const [name, value] of Object.entries(fields)) point.floatField(name, value);
  write.writePoint(point);
});
