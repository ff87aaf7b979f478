// An endpoint as written: `orderer1:eth1`, or the bare name of a switch.
import type { EndpointName } from "./topology.js";

/** Splits at the first colon; whether node and interface exist, and may be called so, is judged by rules. */
export function endpointFrom(text: string): EndpointName {
  const colon = text.indexOf(":");
  return colon < 0 ? { node: text, interface: "" } : { node: text.slice(0, colon), interface: text.slice(colon + 1) };
}

export function endpointText(endpoint: EndpointName): string {
  return endpoint.interface === "" ? endpoint.node : `${endpoint.node}:${endpoint.interface}`;
}
