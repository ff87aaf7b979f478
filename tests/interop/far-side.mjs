// The far side of far-away.ts, in a network namespace of its own: what connects to one of the others' addresses here is
// carried to the near side by a unix socket, its first line the address; what comes by the other socket goes to the node here.
// Arguments: socket of the near side, socket to listen on, the node's address and port, the others' addresses.
import { connect, createServer } from "node:net";

const [near, own, node, port, ...others] = process.argv.slice(2);

function join(one, other) {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    from.on("error", () => to.destroy()).on("close", () => to.destroy());
    from.pipe(to);
  }
}

for (const address of others)
  createServer({ noDelay: true }, (socket) => {
    const carrier = connect(near);
    carrier.write(`${address}\n`);
    join(socket, carrier);
  }).listen(Number(port), address);

createServer((carrier) => {
  const socket = connect({ host: node, port: Number(port), noDelay: true });
  join(carrier, socket);
}).listen(own, () => process.stdout.write("ready\n"));
