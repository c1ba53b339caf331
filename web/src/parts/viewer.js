// @ts-check
/** Shows a file: the pictures of its pages with words and evidence, its sanitised HTML in a sandbox, or its preview. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Pages } from "../data/pages.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { PageFigure, Picture } from "./page_figure.js";
import { useAgain } from "./repeated.js";

/** @typedef {import("../data/evidence.js").Proof} Proof */
/** @typedef {(page: number, words: import("../data/pages.js").Word[], isByTouch: boolean) => void} Take */
/** @typedef {import("@preact/signals").Signal<import("../data/touched.js").Taken | null>} TakenSignal */

/** @param {{file: any, proofs: Proof[], taken: TakenSignal, onTake: Take | null}} props `proofs`: the places to show; `taken`: words taken by touch */
export function Viewer({ file, proofs, taken, onTake }) {
  const { preview } = file.artifacts;
  if (preview?.media_type.startsWith("video/")) return html`<video class="viewer-video" src=${preview.url} controls preload="metadata"></video>`;
  return html`<${PageList} key=${file.id} file=${file} proofs=${proofs} taken=${taken} onTake=${onTake} />`;
}

/** @param {{file: any, proofs: Proof[], taken: TakenSignal, onTake: Take | null}} props */
function PageList({ file, proofs, taken, onTake }) {
  const isZoomed = useZoomed();
  const pages = useMemo(() => new Pages(file.id), [file.id]);
  const isBusy = ["processing", "uploading"].includes(file.state);
  useEffect(() => () => pages.stop(), [pages]);
  useEffect(() => void pages.read(1), [pages, isBusy]);
  // A place on a page that was not read yet is read now, so that it can be shown.
  useEffect(() => proofs.forEach((proof) => void pages.read(proof.page)), [proofs]);
  useAgain(pages.problem.value, () => pages.read(1), pages);
  const found = pages.pages.value;
  if (!pages.isRead.value) return html`<p class="viewer-nothing">${t("loading")}</p>`;
  if (pages.problem.value && found.size === 0) return html`<p class="problem" role="alert">${pages.problem.value}</p>`;
  const undrawn = [...found.values()].filter(isUndrawn).map(({ number }) => number);
  const instead = html`<${Preview} key="preview" file=${file} proofs=${proofs} isBusy=${isBusy} />`;
  if (undrawn.length === found.size) return instead;
  const numbers = Array.from({ length: Math.max(pages.count.value, ...found.keys()) }, (_, index) => index + 1);
  return numbers.map((number) => {
    // A mail has no pictures of its own pages, but of those that are attached: its preview stands before them.
    if (undrawn.includes(number)) return number === Math.min(...undrawn) && instead;
    return html`<${PageFigure} key=${number} number=${number} page=${found.get(number) ?? null} proofs=${proofs} taken=${taken} isZoomed=${isZoomed} onSight=${() => void pages.read(number)} onTake=${onTake} />`;
  });
}

/** Whether two fingers have enlarged the page: then one finger moves it in all directions. */
function useZoomed() {
  const isZoomed = useSignal(false);
  useEffect(() => {
    const view = window.visualViewport;
    const read = () => (isZoomed.value = (view?.scale ?? 1) > 1.01);
    view?.addEventListener("resize", read);
    return () => view?.removeEventListener("resize", read);
  }, []);
  return isZoomed.value;
}

/** @param {import("../data/pages.js").PageView} page */
const isUndrawn = ({ image_state: state }) => state === "none" || state === "failed";

/** What stands for pages without pictures. @param {{file: any, proofs: Proof[], isBusy: boolean}} props */
function Preview({ file, proofs, isBusy }) {
  const { preview, thumbnail } = file.artifacts;
  const type = preview?.media_type ?? "";
  if (type.startsWith("text/html")) {
    // Without any permission: no script runs, and the page's own policy forbids all requests.
    return html`<iframe class="viewer-frame" src=${preview.url} sandbox="" referrerpolicy="no-referrer" title=${t("viewer.html", { name: file.name })}></iframe>`;
  }
  // Browsers show no PDF in a sandbox, and those of phones show none in a frame.
  if (type === "application/pdf" && navigator.pdfViewerEnabled) {
    return html`<iframe class="viewer-frame" src=${`${preview.url}#navpanes=0&view=FitH`} referrerpolicy="no-referrer" title=${t("viewer.pdf", { name: file.name })}></iframe>`;
  }
  const url = type.startsWith("image/") ? preview.url : thumbnail?.url;
  if (!url) return html`<p class="viewer-nothing">${t(isBusy ? "viewer.not_yet" : "viewer.nothing")}</p>`;
  return html`<${Picture} url=${url} number=${1} proofs=${proofs} />
    ${type === "application/pdf" && html`<a class="button" href=${preview.url} target="_blank" rel="noopener noreferrer">${t("viewer.open")}</a>`}`;
}
