// A dialler as they are published: Twilio's SDK as it is, fetch, and ws to its own public host.
import http from "node:http";
import https from "node:https";
import twilio from "twilio";
import WebSocket, { WebSocketServer } from "ws";

const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, PORT, NGROK_URL } = process.env;
const client = twilio(TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN);
const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "text/xml");
  response.end("<Response><Pause/></Response>");
});
const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket, request) => socket.send(request.headers.host));
await new Promise((resolve) => server.listen(PORT, "127.0.0.1", resolve));

const call = await client.calls.create({
  to: "+14155550101",
  from: "+14155550100",
  twiml: "<Response><Pause/></Response>",
});
let status;
do ({ status } = await client.calls(call.sid).fetch());
while (!["completed", "failed", "busy", "no-answer"].includes(status));
console.log("SDK:", call.to, status);

const url = `https://api.twilio.com/2010-04-01/Accounts/${TWILIO_ACCOUNT_SID}/Calls.json`;
const authorization = "Basic " + btoa(`${TWILIO_ACCOUNT_SID}:${TWILIO_AUTH_TOKEN}`);
const fetched = await fetch(url, { headers: { authorization } });
console.log("fetch:", (await fetched.json()).calls.length, "call");
const status2 = await new Promise((resolve, reject) => {
  const options = { auth: `${TWILIO_ACCOUNT_SID}:${TWILIO_AUTH_TOKEN}`, agent: false };
  https.get(url, options, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
});
console.log("https:", status2);
console.log("fetch of its own host:", await (await fetch(NGROK_URL)).text());

const socket = new WebSocket(NGROK_URL.replace("https", "wss"));
console.log("ws:", String(await new Promise((resolve) => socket.on("message", resolve))));
socket.terminate();

const refused = await fetch("https://example.com/").catch((error) => error.cause.message);
console.log("not called:", String(refused).startsWith("example.com was not called"));
const wrong = new WebSocket("wss://example.com/");
const why = await new Promise((resolve) => wrong.on("error", (error) => resolve(error.message)));
console.log("not called:", why.startsWith("example.com was not called"));
server.close();
