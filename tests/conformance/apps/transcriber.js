// A transcriber as they are published: CommonJS, http, ws, and Twilio's check of the signature.
const http = require("http");
const twilio = require("twilio");
const { WebSocketServer } = require("ws");

const { TWILIO_AUTH_TOKEN, PORT, SERVER } = process.env;

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (data) => (body += data));
  request.on("end", () => {
    const params = Object.fromEntries(new URLSearchParams(body));
    const signature = request.headers["x-twilio-signature"];
    const url = `https://${request.headers.host}${request.url}`;
    if (!twilio.validateRequest(TWILIO_AUTH_TOKEN, signature, url, params)) {
      response.writeHead(403).end();
      return;
    }
    const voice = new twilio.twiml.VoiceResponse();
    voice.start().stream({ url: `wss://${SERVER}/live`, track: "inbound_track" });
    voice.pause({ length: 3 });
    response.writeHead(200, { "Content-Type": "text/xml" }).end(voice.toString());
  });
});
new WebSocketServer({ server }).on("connection", (socket, request) => {
  const path = request.url;
  let media = 0;
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.event === "media") media += 1;
    if (message.event === "stop") console.log(`heard ${Math.floor(media / 50)} s at ${path}`);
  });
});
server.listen(PORT, "127.0.0.1", () => console.log("listening"));
