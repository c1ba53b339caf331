// @ts-check
/** One upload as the page shows it. */
import { signal } from "@preact/signals";
import { Engine } from "./engine.js";

export class UploadRun extends Engine {
  /** Counts up when there is something new to show. */
  version = signal(0);
  onChange = () => {
    this.version.value += 1;
  };
}
