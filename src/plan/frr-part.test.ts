// A part for each daemon: what it is given, what it is spared, and what nobody takes. That FRR takes them all: tests/netns.
import { expect, test } from "vitest";
import { frrPart } from "./frr-part.js";

const whole = `frr defaults traditional
hostname r1
log file /var/log/frr/frr.log informational
service integrated-vtysh-config
!
interface eth1
 description r2:eth1
 ip ospf area 0
exit
!
router ospf
 ospf router-id 10.0.0.1
exit
!
ip route 10.0.0.2/32 10.1.0.2
!
route-map testbed-source permit 10
 set src 10.0.0.1
exit
!
ip protocol ospf route-map testbed-source
!
bfd
 profile testbed
 exit
exit
!
frobnicate the net
!
end
`;
const head = "frr defaults traditional\nhostname r1\nlog file /var/log/frr/frr.log informational\n";
const tail = (daemon: string): string =>
  `frobnicate the net\nlog file /run/frr/${daemon}.read\nlog file /var/log/frr/frr.log informational\nend\n`;

test.each([
  [
    "zebra",
    `interface eth1
 description r2:eth1
exit
route-map testbed-source permit 10
 set src 10.0.0.1
exit
ip protocol ospf route-map testbed-source
`,
  ],
  [
    "ospfd",
    `interface eth1
 description r2:eth1
 ip ospf area 0
exit
router ospf
 ospf router-id 10.0.0.1
exit
`,
  ],
  ["staticd", "ip route 10.0.0.2/32 10.1.0.2\n"],
  ["bfdd", "bfd\n profile testbed\n exit\nexit\n"],
])("%s reads its own lines, those of all, and those that nobody is known to take", (daemon, own) => {
  expect(frrPart(daemon, whole)).toBe(head + own + tail(daemon));
});
