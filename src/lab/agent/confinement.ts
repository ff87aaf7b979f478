// What a process of a lab may do: the capabilities of the sandbox, none for our own services, and a place for the command of a
// `host`, which may come from a stranger's topology: no process of others to see, nothing to write but its own folder, no
// device, no socket of this machine. Where that comes from and what it is against: docs/threat-model.md.
import { dirname } from "node:path";

/**
 * Of everything in a sandbox (capabilities(7)). SYS_ADMIN, SYS_CHROOT: to make and enter namespaces and mount in them. NET_ADMIN:
 * links, routes, queues. NET_RAW, NET_BIND_SERVICE: FRR's sockets, ping. NET_BROADCAST: to hear the kernel in every namespace.
 * SYS_NICE: a fault that is due must not wait. SETPCAP: to take these from the nodes.
 */
export const sandboxCapabilities: readonly string[] = [
  "sys_admin",
  "sys_chroot",
  "net_admin",
  "net_raw",
  "net_bind_service",
  "net_broadcast",
  "sys_nice",
  "setpcap",
];

/** Ping, and ports below 1024: in the node's own network. */
const hostCapabilities: readonly string[] = ["net_raw", "net_bind_service"];

/** Arguments that run what follows with these capabilities at most, for ever. */
const limitedTo = (capabilities: readonly string[]): readonly string[] => [
  "setpriv",
  `--bounding-set=${["-all", ...capabilities.map((name) => `+${name}`)].join(",")}`,
  "--inh-caps=-all",
  "--ambient-caps=-all",
];

/** `groups`: limits of nodes need control groups, and their folders are writable for nobody without DAC_OVERRIDE. */
export const asSandbox = ({ groups }: { readonly groups: boolean }): readonly string[] => [
  ...limitedTo([...sandboxCapabilities, ...(groups ? ["dac_override"] : [])]),
  "--",
];
/** Listening above port 1024 in its own network needs nothing. */
export const asService: readonly string[] = [...limitedTo([]), "--no-new-privs", "--"];

/**
 * The text is constant: $1 is the one folder that may be written, $2 a folder to hide with all other labs in it, the rest the
 * command. Mounts are made read-only one by one, because mount(8) does it to a tree only since 2.39; one that is covered by
 * another cannot be; one that can be written to afterwards ends it. A fresh /run hides FRR's sockets: who may configure
 * FRR may have it write files. The private /dev has what programs expect and no disk. A
 * shell stays as the first process: the kernel gives the first of a pid namespace no SIGTERM that it does not handle.
 */
const confine = `
data=$1 state=$2
shift 2
fail() { echo "testbed: this host's command cannot be confined: $1" >&2; exit 75; }
mount -t proc proc /proc || fail /proc
places() { sed -e 's/\\\\/\\\\0/g' /proc/self/mountinfo; }
places | while read -r id parent device root place rest; do
  mount -o remount,bind,ro "$(printf %b "$place")" 2>/dev/null || continue
done
places | while read -r id parent device root place rest; do
  place=$(printf %b "$place")
  [ ! -w "$place" ] || [ -c "$place" ] || exit 75
done || fail "a file system stays writable"
mount -t tmpfs -o mode=755,size=16m tmpfs /run && mkdir /run/data /run/dev || fail /run
mount --bind "$data" /run/data && mount -o remount,bind,rw /run/data || fail "its own folder"
mount -t tmpfs -o mode=755,size=1m tmpfs /run/dev || fail /dev
for name in null zero full random urandom tty; do
  : >"/run/dev/$name" && mount --bind "/dev/$name" "/run/dev/$name" || fail "/dev/$name"
done
ln -s /proc/self/fd /run/dev/fd && mkdir /run/dev/shm || fail /dev
for folder in /tmp /home /root "$state"; do
  [ ! -d "$folder" ] || mount -t tmpfs -o mode=1777,size=64m tmpfs "$folder" || fail "$folder"
done
mkdir -p "$data" && mount --move /run/data "$data" && mount --move /run/dev /dev || fail "its own folder"
cd "$data" || fail "its own folder"
exec ${[...limitedTo(hostCapabilities), "--no-new-privs", "--"].join(" ")} sh -c '"$@" & wait $!' sh "$@"
`;

/** The command of a host, confined; `folder` is the node's. */
export function confined(command: readonly string[], folder: string): readonly string[] {
  const state = dirname(dirname(dirname(dirname(folder)))); // STATE/labs/LAB/nodes/NODE
  const place = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=SIGKILL"];
  return ["unshare", ...place, "--", "sh", "-c", confine, "sh", `${folder}/data`, state, ...command];
}
