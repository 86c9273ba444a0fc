// What a test of Node does with the helper: a sandbox of its own, and Twilio's SDK as it is.
const twilio = require("twilio");
const { start } = require(process.env.MEDIASIM_NODE);

async function main() {
  const sandbox = await start({
    command: process.argv.slice(2),
    args: ["--clock", "virtual", "--config", "plan.yaml"],
  });
  const client = twilio();
  const call = await client.calls.create({
    to: "+14155550101",
    from: "+14155550100",
    twiml: "<Response><Pause/></Response>",
  });
  console.log((await client.calls(call.sid).fetch()).to);
  const exitCode = await sandbox.close();
  console.log("ended with", exitCode, process.env.TWILIO_AUTH_TOKEN);
  await fetch("https://api.twilio.com/").catch((error) => console.log(error.message));
}

main();
