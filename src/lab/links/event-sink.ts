// Where events of the lab go: into events.ndjson and to whoever subscribed.
import type { Event } from "../../boundary/index.js";

export interface EventSink {
  emit(event: Event): void;
}
