// The DeliverReader on simulated channels: each stream on one of its own, seeks signed by this node.
import type { Duration } from "../../base/index.js";
import type { NodeConfig } from "../../boundary/index.js";
import { creatorOf, DeliverReader, type StreamInput } from "../../fabric/index.js";
import { Channel } from "./channel.js";
import { keyOf, nonceFrom, signer, timestampAt, type Site } from "./site.js";

export class Reading {
  readonly #site: Site;
  readonly #config: NodeConfig;
  readonly #channels = new Set<Channel>();

  constructor(site: Site, config: NodeConfig) {
    this.#site = site;
    this.#config = config;
  }

  reader(connectTimeout: Duration, push: (input: StreamInput) => void): DeliverReader {
    const site = this.#site;
    const { consenters, channel, transport: settings } = this.#config;
    const creator = creatorOf({ mspId: "", publicKey: keyOf(site.name) });
    const sign = signer(site);
    return new DeliverReader(
      {
        orderers: consenters,
        connectTimeout,
        connect: (target) => this.#track(new Channel({ site, target, service: "deliver", settings })),
        seekContent: () => ({
          channel,
          creator,
          sign,
          nonce: nonceFrom(site.random),
          timestamp: timestampAt(site.process.now()),
        }),
      },
      push,
    );
  }

  /** The process died. */
  abandon(): void {
    for (const channel of this.#channels) channel.abandon();
  }

  #track(channel: Channel): Channel {
    for (const each of this.#channels) if (each.state === "shutdown") this.#channels.delete(each);
    this.#channels.add(channel);
    return channel;
  }
}
