// Everything RudderStack's client for Node can say, of one customer: node rudder.mjs ADDRESS KEY CUSTOMER
import { createRequire } from "node:module";

// Its ES modules name their neighbours without extensions, which Node does not find.
const Client = createRequire(import.meta.url)("@rudderstack/rudder-sdk-node");

const [dataPlaneUrl, writeKey, userId] = process.argv.slice(2);
const client = new (Client.default ?? Client)(writeKey, { dataPlaneUrl, logLevel: "error", flushInterval: 50 });
const sent = (kind, message) =>
  new Promise((done, failed) => client[kind](message, (error) => (error ? failed(error) : done())));

await Promise.all([
  sent("identify", {
    userId,
    anonymousId: `${userId}-browser`,
    traits: { city: "Oslo", address: { zip: "0150" } },
  }),
  sent("page", { userId, name: "Start" }),
  sent("screen", { userId, name: "Settings" }),
  sent("group", { userId, groupId: "club", traits: { plan: "gold" } }),
  sent("track", { userId, event: "Visit", timestamp: new Date("2026-03-01T12:00:00Z") }),
  sent("track", {
    userId,
    event: "Order Completed",
    properties: { order_id: `${userId}-1`, revenue: 40.5, currency: "EUR" },
  }),
  sent("track", { anonymousId: `${userId}-phone`, event: "Search" }),
  sent("alias", { userId, previousId: `${userId}-phone` }),
]);
