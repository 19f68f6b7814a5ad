// Everything Segment's client for Node can say, of one customer: node segment.mjs ADDRESS KEY CUSTOMER
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, userId] = process.argv.slice(2);
const client = new Analytics({ host, writeKey, maxRetries: 3, flushInterval: 50 });
const failures = [];
client.on("error", (error) => failures.push(error.reason ?? error.code));

client.identify({ userId, anonymousId: `${userId}-browser`, traits: { city: "Oslo", address: { zip: "0150" } } });
client.page({ userId, name: "Start" });
client.screen({ userId, name: "Settings" });
client.group({ userId, groupId: "club", traits: { plan: "gold" } });
client.track({ userId, event: "Visit", timestamp: new Date("2026-03-01T12:00:00Z") });
const order = { order_id: `${userId}-1`, revenue: 40.5, currency: "EUR" };
client.track({ userId, event: "Order Completed", properties: order });
client.track({ anonymousId: `${userId}-phone`, event: "Search" });
client.alias({ userId, previousId: `${userId}-phone` });
await client.closeAndFlush();
if (failures.length) throw new Error(failures.join(", "));
