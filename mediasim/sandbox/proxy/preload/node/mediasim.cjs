/* Leads a Node program's connections to simulated hosts to a mediasim sandbox.
 *
 * Loaded before a program by NODE_OPTIONS=--require, as `mediasim exec` and `mediasim env` set it;
 * or required by a test, for `redirect` and `start` (mediasim/docs/how-to/exec.md). It needs nothing but
 * Node, from version 12 on.
 */
"use strict";

const { spawn } = require("child_process");
const fs = require("fs");
const http = require("http");
const net = require("net");
const tls = require("tls");

const WEB_PORTS = new Set([80, 443]);
let active = null;

/** Whether a host is one of some names; `*.twilio.com` are all names below twilio.com. */
function isAmong(names, host) {
  const name = String(host).toLowerCase().replace(/\.$/, "");
  return names.some((each) =>
    each.startsWith("*.") ? name.endsWith(each.slice(1)) : name === each,
  );
}

/** Whether a host is of this machine, or a container beside it. */
function isLocal(host) {
  return net.isIP(host) !== 0 || !String(host).replace(/\.$/, "").includes(".");
}

/** Lead connections to `hosts` to the proxy at a URL; returns a function that undoes it.
 *
 * `authority` is the certificate of the sandbox's authority, in PEM. With `allowHosts`, connections
 * for HTTP to any other host but this machine's are refused.
 */
function redirect({ proxy, authority, hosts, allowHosts }) {
  if (active) active();
  const to = new URL(proxy);
  const proxyHost = to.hostname.replace(/^\[|\]$/g, "");
  const proxyPort = Number(to.port);
  const names = hosts.map((each) => each.toLowerCase());
  const allowed = allowHosts && allowHosts.map((each) => each.toLowerCase());
  const connect = net.Socket.prototype.connect;
  const connectTls = tls.connect;

  function refusal(host, port) {
    if (!allowed || !WEB_PORTS.has(Number(port)) || isLocal(host)) return null;
    if (allowed.includes("*") || isAmong(allowed, host)) return null;
    return (
      `${host} was not called: it is no host that mediasim simulates, none of the plan's hosts,` +
      " and none that its allow_hosts name"
    );
  }

  /** Tell the proxy of a host that was refused here, so that its log has it. */
  function tell(host, port) {
    const socket = new net.Socket();
    socket.on("error", () => {});
    connect.call(socket, { host: proxyHost, port: proxyPort }, () => {
      socket.end(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
    });
    socket.unref();
  }

  net.Socket.prototype.connect = function (...args) {
    // Either [options, callback] in one array, made by net itself, or what was given.
    const normalized = Array.isArray(args[0]) ? args[0] : null;
    let options = normalized ? normalized[0] : args[0];
    if (typeof options !== "object" || options === null) {
      if (typeof args[1] === "string" && isAmong(names, args[1])) {
        args[0] = proxyPort;
        args[1] = proxyHost;
      }
      return connect.apply(this, args);
    }
    const host = options.host;
    if (host && !options.path && isAmong(names, host)) {
      options = { ...options, host: proxyHost, port: proxyPort };
    } else if (host && !options.path) {
      const words = refusal(host, options.port);
      if (words !== null) {
        tell(host, options.port);
        const error = Object.assign(new Error(words), { code: "EMEDIASIM", host });
        process.nextTick(() => this.destroy(error));
        return this;
      }
    }
    if (normalized) normalized[0] = options;
    else args[0] = options;
    return connect.apply(this, args);
  };

  tls.connect = function (...args) {
    const at = args.findIndex((each) => typeof each === "object" && each !== null);
    const options = at < 0 ? {} : args[at];
    const host =
      options.servername || options.host || args.find((each) => typeof each === "string");
    if (host && isAmong(names, host)) {
      // Those of the sandbox alone: the program's own list does not have it.
      const trusting = { ...options, ca: [authority] };
      if (!trusting.servername && !net.isIP(host)) trusting.servername = host;
      delete trusting.secureContext;
      if (at < 0) args.splice(typeof args[1] === "string" ? 2 : 1, 0, trusting);
      else args[at] = trusting;
    }
    return connectTls.apply(this, args);
  };
  syncNamedImports();

  const undo = () => {
    net.Socket.prototype.connect = connect;
    tls.connect = connectTls;
    syncNamedImports();
    if (active === undo) active = null;
  };
  active = undo;
  return undo;
}

/** Let `import { connect } from "tls"` see what was replaced. */
function syncNamedImports() {
  const { syncBuiltinESMExports } = require("module");
  if (syncBuiltinESMExports) syncBuiltinESMExports();
}

const listed = (text) => (text || "").split(",").filter(Boolean);

/** Lead connections as the variables of a sandbox's environment say; returns the undoing. */
function redirectBy(environment) {
  return redirect({
    proxy: environment.MEDIASIM_PROXY,
    authority: fs.readFileSync(environment.MEDIASIM_AUTHORITY, "ascii"),
    hosts: listed(environment.MEDIASIM_HOSTS),
    allowHosts: listed(environment.MEDIASIM_ALLOW_HOSTS),
  });
}

/** Resolve with the environment of the sandbox at a URL. */
function environmentOf(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(`${url}/_mediasim/env`, { agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (data) => (text += data));
      answer.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("error", reject);
  });
}

/** Start a sandbox of one's own for a test; resolves once it serves, with its `environment`.
 *
 * `args` are options of `mediasim serve`. This process is led to it until `close()`, which resolves
 * when the sandbox has ended.
 */
function start({ command = ["mediasim"], args = [], env = process.env } = {}) {
  const [program, ...before] = command;
  const options = ["serve", "--proxy", "--in-memory", "--port", "0", "--quiet"];
  const child = spawn(program, [...before, ...options, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  return new Promise((resolve, reject) => {
    let output = "";
    let errors = "";
    child.on("error", reject);
    child.stderr.on("data", (data) => (errors = (errors + data).slice(-4000)));
    child.on("close", (code) => reject(new Error(`mediasim ended with ${code}: ${errors}`)));
    child.stdout.on("data", (data) => {
      const isReady = /^ready$/m;
      if (isReady.test(output)) return;
      output += data;
      if (!isReady.test(output)) return;
      const url = /^mediasim sandbox at (\S+?),?$/m.exec(output)[1];
      environmentOf(url).then((environment) => resolve(led(child, ended, environment)), reject);
    });
  });
}

/** Lead this process to a sandbox that is a child process; returns what `start` resolves with. */
function led(child, ended, environment) {
  const before = {};
  for (const name of ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "MEDIASIM_BASE_URL"]) {
    before[name] = process.env[name];
    process.env[name] = environment[name];
  }
  const undo = redirectBy(environment);
  const close = () => {
    undo();
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    child.kill("SIGTERM");
    return ended;
  };
  return { environment, url: environment.MEDIASIM_BASE_URL, close };
}

module.exports = { redirect, redirectBy, start };

if (process.env.MEDIASIM_PROXY && process.env.MEDIASIM_AUTHORITY) {
  try {
    redirectBy(process.env);
  } catch (error) {
    // A program must run all the same.
    process.stderr.write(`mediasim: this program is not led to the sandbox: ${error.message}\n`);
  }
}
