// netlink-floor.mjs SECONDS: sets one end of a veth down and up again, as bare as it can be done, and prints as JSON how many
// microseconds each took from the write of the request to the receipt of the kernel's RTM_NEWLINK. Run in a network of its own.
import { execFileSync } from "node:child_process";
import { setPriority } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import koffi from "koffi";

const libc = koffi.load(null);
const socket = libc.func("int socket(int domain, int type, int protocol)");
const bind = libc.func("int bind(int fd, const uint8_t *address, uint32_t size)");
const send = libc.func("intptr_t send(int fd, const uint8_t *bytes, size_t size, int flags)");
const receive = libc.func("intptr_t recv(int fd, _Out_ uint8_t *bytes, size_t size, int flags)");
// linux/netlink.h, linux/rtnetlink.h, linux/if.h
const [afNetlink, sockRaw, netlinkRoute, groupLink, newLink, request, isUp] = [16, 3, 0, 1, 16, 1, 1];

const seconds = Number(process.argv[2]);
// As the agent, which must not wait for a processor.
setPriority(-15);
execFileSync("ip", ["link", "add", "name", "floor0", "index", "1000", "type", "veth", "peer", "name", "floor1", "index", "1001"]);
execFileSync("ip", ["link", "set", "dev", "floor1", "up"]);

function open(groups) {
  const descriptor = socket(afNetlink, sockRaw, netlinkRoute);
  const address = Buffer.alloc(12);
  address.writeUInt16LE(afNetlink, 0);
  address.writeUInt32LE(groups, 8);
  if (descriptor < 0 || bind(descriptor, address, address.length) !== 0) throw new Error(`netlink: error ${koffi.errno()}`);
  return descriptor;
}

const writer = open(0);
const listener = open(groupLink);
const message = Buffer.alloc(32);
message.writeUInt32LE(32, 0);
message.writeUInt16LE(newLink, 4);
message.writeUInt16LE(request, 6);
message.writeInt32LE(1000, 20); // index of floor0
message.writeUInt32LE(isUp, 28); // the one flag that changes
const answer = Buffer.alloc(65536);

/** Until the kernel tells that floor0 is so. */
function change(up) {
  message.writeUInt32LE(up ? isUp : 0, 24);
  const start = process.hrtime.bigint();
  send(writer, message, message.length, 0);
  for (;;) {
    receive(listener, answer, answer.length, 0);
    if (answer.readUInt16LE(4) === newLink && answer.readInt32LE(20) === 1000 && (answer.readUInt32LE(24) & isUp) === (up ? isUp : 0)) break;
  }
  return Number(process.hrtime.bigint() - start) / 1e3;
}

const took = [];
for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
  took.push(change(true));
  await pause(45);
  took.push(change(false));
  await pause(45);
}
process.stdout.write(`${JSON.stringify(took)}\n`);
