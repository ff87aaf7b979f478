// Lines as iproute2 6.1 printed them on kernel 6.18, and what they mean.
import { expect, test } from "vitest";
import { linkLine, namespaceOf, routeLine } from "./kernel-lines.js";

test.each([
  [
    "201: eth1@if101: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default \\    link/ether 36:0a:51:1c:d7:7b brd ff:ff:ff:ff:ff:ff link-netns a",
    { index: 201, interface: "eth1", admin: "up", carrier: true, deleted: false },
  ],
  [
    "201: eth1@if101: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN group default",
    { index: 201, interface: "eth1", admin: "up", carrier: false, deleted: false },
  ],
  [
    "101: pa@if201: <NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state DOWN group default",
    { index: 101, interface: "pa", admin: "up", carrier: false, deleted: false },
  ],
  [
    "201: eth1@if101: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group default",
    { index: 201, interface: "eth1", admin: "down", carrier: false, deleted: false },
  ],
  [
    "Deleted 201: eth1@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default",
    { index: 201, interface: "eth1", admin: "down", carrier: false, deleted: true },
  ],
  [
    "50: link~abe40192: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP",
    { index: 50, interface: "link~abe40192", admin: "up", carrier: true, deleted: false },
  ],
  ["10.1.1.0/30 dev eth1 proto kernel scope link src 10.1.1.1 linkdown ", undefined],
  ['Device "end7" does not exist.', undefined],
])("the link line %s", (text, link) => {
  expect(linkLine(text)).toEqual(link);
});

test.each([
  [
    "10.5.0.7 nhid 12 via 10.1.1.2 dev eth1 proto ospf src 10.0.0.9 metric 20 ",
    { action: "added", destination: "10.5.0.7/32", via: "10.1.1.2", interface: "eth1", protocol: "ospf" },
  ],
  [
    "10.4.0.0/24 proto ospf metric 20 \\\tnexthop via 10.1.1.2 dev eth1 weight 1 \\\tnexthop via 10.1.2.2 dev eth2 weight 1 ",
    { action: "added", destination: "10.4.0.0/24", via: "10.1.1.2,10.1.2.2", interface: "eth1,eth2", protocol: "ospf" },
  ],
  [
    "Deleted 10.1.1.0/30 dev eth1 proto kernel scope link src 10.1.1.1 ",
    { action: "deleted", destination: "10.1.1.0/30", via: "", interface: "eth1", protocol: "kernel" },
  ],
  ["local 10.1.1.1 dev eth1 table local proto kernel scope host src 10.1.1.1 ", undefined],
  ["broadcast 10.1.1.3 dev eth1 table local proto kernel scope link src 10.1.1.1 linkdown ", undefined],
  ["unreachable 10.3.0.0/24 ", undefined],
  ["fe80::/64 dev eth1 proto kernel metric 256 pref medium", undefined],
])("the route line %s", (text, route) => {
  expect(routeLine(text)).toEqual(route);
});

test("a line of all namespaces says which one it is about", () => {
  expect(namespaceOf("[nsid 3]10.0.0.0/8 dev eth1")).toEqual({ nsid: 3, text: "10.0.0.0/8 dev eth1" });
  expect(namespaceOf("[nsid current]5: lo: <UP>")).toEqual({ nsid: undefined, text: "5: lo: <UP>" });
  expect(namespaceOf("5: lo: <UP>")).toEqual({ nsid: undefined, text: "5: lo: <UP>" });
});
