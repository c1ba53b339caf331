// @ts-check
/** The tag for templates of Preact elements. */
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
