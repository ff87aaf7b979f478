// Routers in a ring with OSPF: from laid wires to all routes everywhere. The floor is the same plan's wires and FRR configurations with
// bare daemons: all started at once, until the last one listens, and then what OSPF waits for by its own settings: one hello
// interval, and the delays of SPF and LSAs. How long the bare daemons really take to have every route is shown beside it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as bench from "./shared.mjs";

/** Folder of one bare router, and the lines of sh that start its daemons there. */
function bareRouter(folder, { name, frr }) {
  const place = join(folder, name);
  mkdirSync(place);
  // Each daemon reads the whole file by itself and leaves out what is not its own.
  writeFileSync(join(place, "frr.conf"), frr.configuration.replace(/^log file .*$/m, ""));
  const start = (daemon, more) =>
    `/usr/lib/frr/${daemon} -u root -g root -A 127.0.0.1 -P 0 ${more} -f ${place}/frr.conf --log stdout --vty_socket ${place} ` +
    `-i ${place}/${daemon}.pid -z ${place}/zserv >>${place}/log 2>&1 &`;
  const script = `${start("zebra", "-s 90000000")}
    while [ ! -S ${place}/zserv ]; do sleep 0.02; done
    ${frr.daemons.filter((daemon) => daemon !== "zebra").map((daemon) => start(daemon, "")).join("\n")}
    wait`;
  writeFileSync(join(place, "start"), script);
  return { place, sockets: frr.daemons.map((daemon) => join(place, `${daemon}.vty`)) };
}

const groups = `{ grep -v -e '^frr:' -e '^frrvty:' /etc/group; echo frr:x:0:; echo frrvty:x:0:; } >/run/group; mount --bind /run/group /etc/group`;

export async function routers({ count, times }) {
  const name = "bench-routers";
  const { file, plan } = bench.planOf(name, bench.topologyText(name, { kind: "router", nodes: count }));
  const folder = join(bench.work, "batches");
  mkdirSync(folder);
  bench.batchFiles(folder, plan);
  const { ospf } = plan.routing;
  const waits = (ospf.helloInterval + ospf.spfDelay + ospf.spfInitialHold + ospf.lsaThrottle) / 1e6;
  let made = 0;

  const ours = async () => {
    const progress = bench.testbed("up", file, "--runtime", "netns");
    bench.testbed("down", "--lab", name);
    bench.allGone();
    const wired = bench.phaseSeconds(progress, "links, ");
    return { routes: bench.phaseSeconds(progress, "every node has every route") - wired };
  };
  const bare = async () => {
    const own = join(bench.work, `bare-${++made}`);
    mkdirSync(own);
    const all = plan.nodes.map((node) => ({ ...bareRouter(own, node), node }));
    writeFileSync(join(own, "expected"), `${all.map(({ node }) => `${node.name} ${node.routesExpected.length}`).join("\n")}\n`);
    // Every namespace forwards, as ours do; the other settings are about addresses on the loopback.
    const script = `set -e; ${groups}
      ip -batch ${folder}/namespaces
      for name in ${all.map(({ node }) => node.name).join(" ")}; do
        nsenter --net=/run/netns/$name -- sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
      done
      ip -batch ${folder}/wiring; (${bench.addressesFrom(folder)})
      echo wired; read -r go
      for name in ${all.map(({ node }) => node.name).join(" ")}; do
        nsenter --net=/run/netns/$name -- sh ${own}/$name/start &
      done
      for socket in ${all.flatMap(({ sockets }) => sockets).join(" ")}; do
        while [ ! -S $socket ]; do sleep 0.01; done
      done
      echo listen
      while read -r name expected; do
        while [ "$(ip -n $name -4 route show proto ospf | grep -c '^[0-9]')" -lt $((expected - 2)) ]; do sleep 0.02; done
      done <${own}/expected
      echo routes; exec sleep infinity`;
    const child = bench.sandbox(script, ...bench.inPidNamespace, "--mount-proc");
    await bench.lineOf(child, "wired");
    const heard = { listen: bench.lineOf(child, "listen"), routes: bench.lineOf(child, "routes") };
    const start = bench.now();
    child.stdin.write("go\n");
    await heard.listen;
    const listen = bench.secondsSince(start);
    await heard.routes;
    const routes = bench.secondsSince(start);
    await bench.kill(child);
    bench.allGone();
    return { listen, routes };
  };
  const measured = await bench.interleaved(times, { testbed: ours, "bare daemons": bare });
  const of = (who, what) => bench.median(measured[who].map((run) => run[what]));
  const floor = of("bare daemons", "listen") + waits;
  const row = (label, seconds) => [label, seconds.toFixed(2), (seconds / floor).toFixed(2)];
  return {
    title: `${count} routers in a ring, OSPF; median of ${times}`,
    columns: ["from laid wires to", "s", "to the floor"],
    rows: [
      row("testbed: every node has every route", of("testbed", "routes")),
      row("bare daemons: every node has every route", of("bare daemons", "routes")),
      row("bare daemons: the last one listens", of("bare daemons", "listen")),
      row(`floor: that, one hello (${ospf.helloInterval / 1e6} s), SPF and LSA delays (${(waits - ospf.helloInterval / 1e6).toFixed(2)} s)`, floor),
    ],
  };
}
