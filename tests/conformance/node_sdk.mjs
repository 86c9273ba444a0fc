// Twilio's Node SDK against a sandbox in the virtual clock: the app is here too, and time stands
// still while it answers, so what it asks of the API happens in the midst of its calls.
//
// Resources are named by SID each time: what version 6 of the SDK creates or lists does not know its
// own. Ends with an error at the first thing that is not as it is with Twilio; prints what was done.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import twilio from "twilio";

const { MEDIASIM_BASE_URL: base, TWILIO_ACCOUNT_SID: account, TWILIO_AUTH_TOKEN: token } = process.env;
const [app, alice, bob, quiet, busy] = process.argv.slice(2);
const client = twilio(account, token);
client.api.baseUrl = base;

// -- the app ---------------------------------------------------------------------------------

const replies = new Map();
const asked = [];
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const params = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
  const url = `http://${request.headers.host}${request.url}`;
  const signature = request.headers["x-twilio-signature"];
  const signed = twilio.validateRequest(token, signature, url, request.method === "POST" ? params : {});
  const path = new URL(url).pathname;
  asked.push({ path, params, signed });
  const reply = replies.get(path);
  try {
    const text = reply ? await reply(params) : undefined;
    response.writeHead(text === undefined ? 204 : 200, { "Content-Type": "text/xml" }).end(text);
  } catch (error) {
    failed(error);
    response.writeHead(500).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const here = `http://127.0.0.1:${server.address().port}`;

let failed;
const broken = new Promise((_, reject) => (failed = reject));
broken.catch(() => {});
const told = (path) => asked.filter((each) => each.path === path).map((each) => each.params);
const idle = async () => {
  const run = fetch(`${base}/_mediasim/clock/run-until-idle`, { method: "POST" });
  const answer = await Promise.race([run, broken]);
  assert.equal((await answer.json()).idle, true);
};
const refused = async (work, status, code) => {
  await assert.rejects(work, (error) => {
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.equal(error.moreInfo, `https://www.twilio.com/docs/errors/${code}`);
    return true;
  });
};
const { VoiceResponse } = twilio.twiml;

// -- a recorded call ---------------------------------------------------------------------------

replies.set("/begin", async ({ CallSid }) => {
  const recording = await client.calls(CallSid).recordings.create({
    recordingChannels: "dual",
    recordingStatusCallback: `${here}/recorded`,
    recordingStatusCallbackEvent: ["in-progress", "completed"],
  });
  assert.deepEqual([recording.status, recording.channels], ["in-progress", 2]);
  const document = new VoiceResponse();
  document.pause({ length: 1 });
  document.redirect(`${here}/pause`);
  return document.toString();
});
replies.set("/pause", async ({ CallSid }) => {
  const current = client.calls(CallSid).recordings("Twilio.CURRENT");
  const paused = await current.update({ status: "paused", pauseBehavior: "skip" });
  assert.equal(paused.status, "paused");
  return `<Response><Pause length="5"/><Redirect>/resume</Redirect></Response>`;
});
replies.set("/resume", async ({ CallSid }) => {
  const current = client.calls(CallSid).recordings("Twilio.CURRENT");
  assert.equal((await current.update({ status: "in-progress" })).status, "in-progress");
  const document = new VoiceResponse();
  document.dial({ action: `${here}/after` }, bob);
  return document.toString();
});
const created = await client.calls.create({
  to: alice,
  from: app,
  url: `${here}/begin?order=7`,
  statusCallback: `${here}/progress`,
  statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
});
assert.equal(created.status, "queued");
await idle();

const call = await client.calls(created.sid).fetch();
assert.equal(call.status, "completed");
assert.ok(call.endTime - call.startTime > 6000);
assert.deepEqual(
  told("/progress").map((params) => params.CallStatus),
  ["initiated", "ringing", "in-progress", "completed"],
);
assert.equal(told("/after")[0].DialCallStatus, "completed");
assert.deepEqual(
  told("/recorded").map((params) => params.RecordingStatus),
  ["in-progress", "completed"],
);
const [recording] = await client.calls(call.sid).recordings.list();
assert.deepEqual([recording.status, recording.channels, recording.source], ["completed", 2, "StartCallRecordingAPI"]);

const media = `${base}/2010-04-01/Accounts/${account}/Recordings/${recording.sid}`;
const headers = { Authorization: `Basic ${Buffer.from(`${account}:${token}`).toString("base64")}` };
const channels = {};
for (const query of ["", "?RequestedChannels=1", "?RequestedChannels=2"]) {
  const wav = Buffer.from(await (await fetch(`${media}.wav${query}`, { headers })).arrayBuffer());
  assert.equal(wav.toString("latin1", 0, 4), "RIFF");
  channels[query] = wav.readUInt16LE(22);
}
assert.deepEqual(channels, { "": 2, "?RequestedChannels=1": 1, "?RequestedChannels=2": 2 });
const head = await fetch(`${media}.mp3`, { method: "HEAD", headers });
assert.equal(head.headers.get("content-type"), "audio/mpeg");
const part = await fetch(`${media}.wav`, { headers: { ...headers, Range: "bytes=0-43" } });
assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 44]);

// -- lists, pages, notifications, events -------------------------------------------------------

for (let count = 0; count < 3; count++) {
  await client.calls.create({ to: busy, from: app, twiml: "<Response/>" });
}
await idle();
assert.equal((await client.calls.list({ status: "busy" })).length, 3);
assert.equal((await client.calls.list({ pageSize: 2 })).length, 5);
assert.equal((await client.calls.list({ to: bob, startTimeAfter: new Date(0) })).length, 1);
const second = await (await client.calls.page({ pageSize: 2 })).nextPage();
assert.equal(second.instances.length, 2);
assert.equal((await client.recordings.list({ callSid: call.sid, dateCreatedAfter: new Date(0) })).length, 1);
const events = await client.calls(call.sid).events.list();
const requested = events.map((each) => each.request.url);
assert.ok(requested.includes(`${here}/begin?order=7`), requested.join());
const wrong = await client.calls.create({ to: quiet, from: app, twiml: "<Response><Sing/></Response>" });
await idle();
const [note] = await client.calls(wrong.sid).notifications.list();
assert.equal(note.errorCode, "12200");
assert.equal((await client.notifications(note.sid).fetch()).callSid, wrong.sid);

// -- payments and user-defined messages --------------------------------------------------------

let paymentSid;
replies.set("/agent", async ({ CallSid }) => {
  const statusCallback = `${here}/paying`;
  const payment = await client.calls(CallSid).payments.create({
    idempotencyKey: "a", statusCallback, chargeAmount: 10, securityCode: false, postalCode: false,
  });
  paymentSid = payment.sid;
  const capture = "payment-card-number";
  await client.calls(CallSid).payments(payment.sid).update({ idempotencyKey: "b", statusCallback, capture });
  const told = `${here}/said`;
  const subscription = await client.calls(CallSid).userDefinedMessageSubscriptions.create({ callback: told });
  assert.match((await client.calls(CallSid).userDefinedMessages.create({ content: "{}" })).sid, /^KX/);
  assert.ok(await client.calls(CallSid).userDefinedMessageSubscriptions(subscription.sid).remove());
  return `<Response><Pause length="2"/><Redirect>/cancel</Redirect></Response>`;
});
replies.set("/cancel", async ({ CallSid }) => {
  await refused(
    client.calls(CallSid).payments(paymentSid).update({ idempotencyKey: "c", statusCallback: here, status: "complete" }),
    400, 64019,
  );
  await client.calls(CallSid).payments(paymentSid).update({
    idempotencyKey: "d", statusCallback: `${here}/paying`, status: "cancel",
  });
  return `<Response><Pay timeout="1" action="${here}/paid"/></Response>`;
});
replies.set("/paid", () => "<Response/>");
const paying = await client.calls.create({ to: quiet, from: app, url: `${here}/agent` });
await idle();
assert.equal((await client.calls(paying.sid).fetch()).status, "completed");
assert.equal(told("/paying").at(-1).Result, "transaction-cancelled");
assert.equal(told("/paid")[0].Result, "too-many-failed-attempts");

// -- a conference --------------------------------------------------------------------------------

const room = client.conferences("room");
let met = false;
replies.set("/events", async ({ StatusCallbackEvent, ConferenceSid, CallSid }) => {
  if (StatusCallbackEvent !== "conference-start") return undefined;
  const conference = client.conferences(ConferenceSid);
  const [{ callSid: one }, { callSid: other }] = await conference.participants.list();
  const [first, last] = [conference.participants(one), conference.participants(other)];
  assert.equal((await first.update({ muted: true })).muted, true);
  assert.equal((await conference.participants.list({ muted: true })).length, 1);
  assert.equal((await last.update({ hold: true, holdUrl: `${here}/music` })).hold, true);
  assert.equal((await last.update({ hold: false })).hold, false);
  const coach = await last.update({ coaching: true, callSidToCoach: one });
  assert.equal(coach.callSidToCoach, one);
  await first.update({ announceUrl: `${here}/announcement` });
  assert.equal((await conference.participants("second").fetch()).callSid, other);
  const [taped] = await conference.recordings.list();
  assert.equal((await conference.recordings("Twilio.CURRENT").update({ status: "stopped" })).sid, taped.sid);
  await last.remove();
  met = true;
});
replies.set("/announcement", () => `<Response><Play digits="12"/></Response>`);
const conferenceStatusCallback = `${here}/events`;
await room.participants.create({
  to: alice,
  from: app,
  beep: "false",
  conferenceRecord: "record-from-start",
  conferenceStatusCallback,
  conferenceStatusCallbackEvent: ["start", "end", "join", "leave"],
});
await room.participants.create({ to: bob, from: app, label: "second" });
await idle();
assert.ok(met);
const [conference] = await client.conferences.list({ friendlyName: "room", status: "completed" });
assert.equal(told("/events").at(-1).StatusCallbackEvent, "conference-end");
assert.equal((await client.recordings.list({ conferenceSid: conference.sid })).length, 1);

// -- calls that are turned to something else ------------------------------------------------------

const sales = await client.applications.create({ friendlyName: "sales", voiceUrl: `${here}/sales` });
replies.set("/sales", async ({ CallSid }) => {
  const taped = await client.calls(CallSid).recordings.create({ recordingTrack: "inbound" });
  assert.deepEqual([taped.track, taped.channels], ["inbound", 1]);
  return `<Response><Pause length="2"/><Redirect>/taped</Redirect></Response>`;
});
replies.set("/taped", async ({ CallSid }) => {
  const [{ sid }] = await client.calls(CallSid).recordings.list();
  const it = client.calls(CallSid).recordings(sid);
  assert.equal((await it.update({ status: "paused", pauseBehavior: "silence" })).status, "paused");
  assert.equal((await it.update({ status: "stopped" })).status, "completed");
  assert.equal((await it.fetch()).track, "inbound");
  await client.calls(CallSid).update({ url: `${here}/elsewhere`, method: "POST" });
  return `<Response><Pause length="60"/></Response>`;
});
replies.set("/elsewhere", async ({ CallSid }) => {
  const stream = await client.calls(CallSid).streams.create({ url: "wss://127.0.0.1:9/", name: "copy" });
  assert.equal(stream.status, "in-progress");
  assert.equal((await client.calls(CallSid).streams("copy").update({ status: "stopped" })).status, "stopped");
  const fork = await client.calls(CallSid).siprec.create({ connectorName: "tapes", name: "tape", "parameter1.name": "a", "parameter1.value": "b" });
  assert.equal(fork.status, "in-progress");
  assert.equal((await client.calls(CallSid).siprec("tape").update({ status: "stopped" })).sid, fork.sid);
  const words = await client.calls(CallSid).transcriptions.create({ name: "words", track: "both_tracks", partialResults: true, statusCallbackUrl: `${here}/words-now` });
  assert.equal(words.status, "in-progress");
  assert.equal((await client.calls(CallSid).transcriptions("words").update({ status: "stopped" })).sid, words.sid);
  await client.calls(CallSid).update({ twiml: `<Response><Redirect>${here}/last</Redirect></Response>` });
  return `<Response><Pause length="60"/></Response>`;
});
replies.set("/last", async ({ CallSid }) => {
  assert.equal((await client.calls(CallSid).update({ status: "completed" })).sid, CallSid);
  return undefined;
});
const turned = await client.calls.create({ to: alice, from: app, applicationSid: sales.sid });
await idle();
assert.equal((await client.calls(turned.sid).fetch()).status, "completed");
assert.equal(told("/last").length, 1);
assert.deepEqual(told("/words-now").map((each) => each.TranscriptionEvent), ["transcription-started", "transcription-stopped"]);
const [oneSided] = await client.calls(turned.sid).recordings.list();
assert.deepEqual([oneSided.channels, (await client.recordings(oneSided.sid).fetch()).sid], [1, oneSided.sid]);
assert.equal(await client.calls(turned.sid).recordings(oneSided.sid).remove(), true);

// -- a conference that is ended, a queue that is served -------------------------------------------

replies.set("/closing", async ({ StatusCallbackEvent, ConferenceSid }) => {
  if (StatusCallbackEvent !== "conference-start") return undefined;
  const it = client.conferences(ConferenceSid);
  assert.equal((await it.fetch()).status, "in-progress");
  assert.equal((await it.update({ announceUrl: `${here}/announcement` })).sid, ConferenceSid);
  const [{ callSid }] = await it.participants.list();
  assert.equal((await it.participants(callSid).update({ endConferenceOnExit: true })).endConferenceOnExit, true);
  assert.equal((await it.update({ status: "completed" })).status, "completed");
});
for (const to of [alice, bob]) {
  await client.conferences("short").participants.create({
    to,
    from: app,
    conferenceRecord: "record-from-start",
    conferenceStatusCallback: `${here}/closing`,
    conferenceStatusCallbackEvent: ["start"],
  });
}
await idle();
const [short] = await client.conferences.list({ friendlyName: "short" });
assert.equal(short.status, "completed");
const [mixed] = await client.conferences(short.sid).recordings.list();
assert.equal((await client.conferences(short.sid).recordings(mixed.sid).fetch()).source, mixed.source);
assert.equal(await client.conferences(short.sid).recordings(mixed.sid).remove(), true);

const line = await client.queues.create({ friendlyName: "line" });
replies.set("/music", async ({ CallSid, QueueSid }) => {
  assert.equal(QueueSid, line.sid);
  const of = client.queues(line.sid);
  assert.equal((await of.fetch()).currentSize, 1);
  assert.equal((await of.members.list())[0].callSid, CallSid);
  assert.equal((await of.members("Front").fetch()).position, 1);
  assert.equal((await of.members(CallSid).update({ url: `${here}/taken` })).callSid, CallSid);
  return `<Response><Pause length="60"/></Response>`;
});
replies.set("/taken", () => "<Response><Hangup/></Response>");
const enqueued = `<Response><Enqueue waitUrl="${here}/music">line</Enqueue></Response>`;
const waiting = await client.calls.create({ to: alice, from: app, twiml: enqueued });
await idle();
assert.equal((await client.calls(waiting.sid).fetch()).status, "completed");
assert.equal(told("/taken").length, 1);
assert.equal(await client.queues(line.sid).remove(), true);

const message = `<Response><Record timeout="1" action="${here}/bye" transcribe="true" transcribeCallback="${here}/words"/></Response>`;
const left = await client.calls.create({ to: alice, from: app, twiml: message });
await idle();
const [taken] = await client.recordings.list({ callSid: left.sid });
const [words] = await client.recordings(taken.sid).transcriptions.list();
// Alice hums: there are no words in that.
assert.deepEqual([words.status, words.recordingSid], ["failed", taken.sid]);
assert.equal(told("/words")[0].TranscriptionSid, words.sid);
assert.equal((await client.transcriptions(words.sid).fetch()).status, "failed");
assert.equal((await client.transcriptions.list()).length, 1);
assert.equal((await client.recordings(taken.sid).transcriptions(words.sid).fetch()).type, "fast");
assert.equal(await client.transcriptions(words.sid).remove(), true);

// -- the rest of the account ---------------------------------------------------------------------

assert.equal((await client.api.v2010.account.fetch()).sid, account);
assert.equal((await client.api.v2010.accounts.list())[0].sid, account);
assert.equal((await client.api.v2010.accounts(account).update({ friendlyName: "shop" })).friendlyName, "shop");
assert.ok((await client.notifications.list()).some(({ sid }) => sid === note.sid));
const shop = await client.applications.create({ friendlyName: "shop", voiceUrl: `${here}/shop` });
assert.equal((await client.applications(shop.sid).update({ friendlyName: "store" })).friendlyName, "store");
assert.equal((await client.applications.list({ friendlyName: "store" })).length, 1);
assert.equal((await client.applications(shop.sid).fetch()).voiceUrl, `${here}/shop`);
const number = await client.incomingPhoneNumbers.create({ phoneNumber: "+14155550190" });
assert.equal((await client.incomingPhoneNumbers(number.sid).update({ voiceApplicationSid: shop.sid })).voiceApplicationSid, shop.sid);
assert.equal((await client.incomingPhoneNumbers.list({ phoneNumber: "+14155550190" })).length, 1);
assert.equal((await client.incomingPhoneNumbers(number.sid).fetch()).phoneNumber, "+14155550190");
assert.equal(await client.incomingPhoneNumbers(number.sid).remove(), true);
assert.equal(await client.applications(shop.sid).remove(), true);
const queue = await client.queues.create({ friendlyName: "support" });
assert.equal((await client.queues(queue.sid).update({ maxSize: 9 })).maxSize, 9);
assert.equal((await client.queues(queue.sid).members.list()).length, 0);
assert.equal(await client.queues(queue.sid).remove(), true);
const key = await client.newKeys.create({ friendlyName: "CI" });
const byKey = twilio(key.sid, key.secret, { accountSid: account });
byKey.api.baseUrl = base;
assert.equal((await byKey.queues.list()).length, 0);
assert.equal((await client.keys.list()).length, 1);
assert.equal((await client.keys(key.sid).update({ friendlyName: "tests" })).sid, key.sid);
assert.equal((await client.keys(key.sid).fetch()).friendlyName, "tests");
assert.equal(await client.keys(key.sid).remove(), true);

// -- what apps also touch ----------------------------------------------------------------------

client.lookups.baseUrl = client.conversations.baseUrl = client.verify.baseUrl = base;
await idle();
const text = await client.messages.create({ to: alice, from: app, body: "Call me", statusCallback: `${here}/sms-status` });
assert.deepEqual([text.status, text.body, text.errorCode], ["queued", "Call me", null]);
await idle();
assert.deepEqual(told("/sms-status").map((each) => each.MessageStatus), ["sending", "sent", "delivered"]);
const sent = await client.messages(text.sid).fetch();
assert.equal(sent.status, "delivered");
assert.equal((await client.messages.list({ dateSent: sent.dateSent, to: alice })).length, 1);
assert.equal((await client.messages(text.sid).update({ body: "" })).body, "");
assert.equal(await client.messages(text.sid).remove(), true);
await refused(client.messages.create({ to: alice, from: "+14155550171", body: "?" }), 400, 21606);
const [free] = await client.availablePhoneNumbers("US").local.list({ areaCode: 510, limit: 1 });
const bought = await client.incomingPhoneNumbers.create({ phoneNumber: free.phoneNumber, smsUrl: `${here}/sms` });
replies.set("/sms", ({ Body }) => new twilio.twiml.MessagingResponse().message(`You said ${Body}`).toString());
const texted = JSON.stringify({ to: free.phoneNumber, from: "alice", body: "Hi" });
assert.equal((await fetch(`${base}/_mediasim/messages`, { method: "POST", body: texted })).status, 201);
await idle();
assert.equal((await client.messages.list({ to: alice, from: free.phoneNumber }))[0].body, "You said Hi");
assert.equal(await client.incomingPhoneNumbers(bought.sid).remove(), true);
const looked = await client.lookups.v2.phoneNumbers(alice).fetch({ fields: "line_type_intelligence" });
assert.deepEqual([looked.valid, looked.countryCode, looked.lineTypeIntelligence.type], [true, "US", "mobile"]);
assert.equal((await client.tokens.create()).iceServers.length, 2);
assert.equal((await client.balance.fetch()).currency, "USD");
const asks = await client.validationRequests.create({ phoneNumber: quiet, friendlyName: "Quiet" });
assert.equal(asks.validationCode.length, 6);
await idle();
assert.equal((await client.outgoingCallerIds.list()).length, 0);
const made = await client.api.v2010.accounts.create({ friendlyName: "Sub" });
const sub = twilio(made.sid, made.authToken);
const parent = twilio(account, token, { accountSid: made.sid });
sub.api.baseUrl = parent.api.baseUrl = base;
await sub.queues.create({ friendlyName: "support" });
assert.equal((await parent.queues.list()).length, 1);
assert.equal((await client.queues.list()).length, 0);
await refused(sub.api.v2010.accounts(account).fetch(), 401, 20003);
assert.equal((await client.api.v2010.accounts(made.sid).update({ status: "closed" })).status, "closed");
await refused(client.conversations.v1.conversations.list(), 501, 20501);
await refused(client.verify.v2.services("VA1").verifications.create({ to: alice, channel: "sms" }), 501, 20501);
client.insights.baseUrl = base;
const insights = client.insights.v1;
const summary = await insights.calls(call.sid).summary().fetch();
assert.deepEqual([summary.callState, summary.processingState], ["completed", "complete"]);
assert.ok(summary.carrierEdge.metrics.inbound.packets_received > 0);
assert.ok((await insights.callSummaries.list({ callState: "completed" })).length > 1);
assert.equal((await insights.calls(call.sid).events.list())[0].name, "initiated");
assert.equal((await insights.calls(call.sid).metrics.list({ direction: "inbound" }))[0].edge, "carrier_edge");
assert.equal((await insights.calls(call.sid).annotation().update({ callScore: 4, spam: false })).callScore, 4);
const meetings = await insights.conferences.list({ limit: 1 });
assert.ok((await meetings[0].conferenceParticipants().list())[0].participantSid.startsWith("CP"));

// -- SIP domains and trunks ----------------------------------------------------------------------

client.trunking.baseUrl = base;
const users = await client.sip.credentialLists.create({ friendlyName: "users" });
await client.sip.credentialLists(users.sid).credentials.create({ username: "alice", password: "Pa55wordPa55word" });
const domain = await client.sip.domains.create({ domainName: "office.sip.twilio.com", voiceUrl: `${here}/voice` });
await client.sip.domains(domain.sid).auth.calls.credentialListMappings.create({ credentialListSid: users.sid });
assert.equal((await client.sip.domains(domain.sid).fetch()).authType, "CREDENTIAL_LIST");
const hosts = await client.sip.ipAccessControlLists.create({ friendlyName: "hosts" });
const host = await client.sip.ipAccessControlLists(hosts.sid).ipAddresses.create({ friendlyName: "h", ipAddress: "192.0.2.1" });
assert.equal(host.cidrPrefixLength, 32);
const trunk = await client.trunking.v1.trunks.create({ domainName: "office.pstn.twilio.com" });
const ofTrunk = client.trunking.v1.trunks(trunk.sid);
await ofTrunk.recordings().update({ mode: "record-from-answer-dual" });
await ofTrunk.ipAccessControlLists.create({ ipAccessControlListSid: hosts.sid });
await ofTrunk.originationUrls.create({
  friendlyName: "office", sipUrl: "sip:bob@pbx.example.com", weight: 10, priority: 10, enabled: true,
});
assert.deepEqual((await ofTrunk.originationUrls.list()).map((each) => each.weight), [10]);
const over = JSON.stringify({ to: `sip:${bob}@office.pstn.twilio.com`, from: "alice" });
const trunked = await (await fetch(`${base}/_mediasim/calls`, { method: "POST", body: over })).json();
await idle();
const overTrunk = await client.calls(trunked.sid).fetch();
assert.deepEqual([overTrunk.direction, overTrunk.status, overTrunk.trunkSid], ["trunking-terminating", "completed", trunk.sid]);
const [trunkRecording] = await client.calls(trunked.sid).recordings.list();
assert.deepEqual([trunkRecording.source, trunkRecording.channels], ["Trunking", 2]);
assert.equal((await client.trunking.v1.trunks.list({ pageSize: 1 })).length, 1);
assert.equal(await ofTrunk.remove(), true);

// -- deleted and refused -------------------------------------------------------------------------

assert.equal(await client.recordings(recording.sid).remove(), true);
assert.equal((await client.recordings.list({ callSid: call.sid })).length, 0);
assert.equal((await client.recordings.list({ callSid: call.sid, includeSoftDeleted: true })).length, 1);
assert.equal((await fetch(`${media}.wav`, { headers })).status, 404);
assert.equal(await client.calls(wrong.sid).remove(), true);
await refused(client.calls(wrong.sid).fetch(), 404, 20404);
await refused(client.calls.create({ to: "+15005550001", from: app, twiml: "<Response/>" }), 400, 21217);
await refused(client.calls.create({ to: quiet, from: app, url: "nowhere" }), 400, 21205);
await refused(client.calls(call.sid).update({ status: "completed" }), 400, 21220);
const stranger = twilio(account, "wrong");
stranger.api.baseUrl = base;
await refused(stranger.calls(call.sid).fetch(), 401, 20003);

assert.deepEqual(asked.filter((each) => !each.signed), []);
server.close();
server.closeAllConnections();
console.log(`done: ${asked.length} requests to the app, all signed`);
