// @ts-check
/** One upload as the page shows it. */
import { signal } from "@preact/signals";
import { Engine } from "./engine.js";

let last = 0;

export class UploadRun extends Engine {
  /** What tells it from others of this tab. */
  number = (last += 1);
  /** Counts up when there is something new to show. */
  version = signal(0);
  onChange = () => {
    this.version.value += 1;
  };
}
