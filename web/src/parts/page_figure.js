// @ts-check
/** The picture of a page, the places that show a value, and its words, which can be selected. */
import { useEffect, useRef } from "preact/hooks";
import { placed } from "../data/evidence.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { useTouch } from "./touch_words.js";

/** @typedef {import("../data/evidence.js").Proof} Proof */

/**
 * @param {{number: number, page: import("../data/pages.js").PageView | null, proofs: Proof[], onSight: () => void, isZoomed: boolean,
 *   taken: import("@preact/signals").Signal<import("../data/touched.js").Taken | null>, onTake: import("./viewer.js").Take | null}} props
 */
export function PageFigure({ number, page, proofs, taken, isZoomed, onSight, onTake }) {
  const figure = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (page) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && onSight(), { rootMargin: "400px" });
    observer.observe(/** @type {HTMLElement} */ (figure.current));
    return () => observer.disconnect();
  }, [page]);
  const ratio = page && page.width > 0 ? `${page.width} / ${page.height}` : "1 / 1.414";
  const take = () => {
    if (!onTake || !page) return;
    const selection = getSelection();
    if (!selection || selection.isCollapsed) return;
    const spans = [.../** @type {HTMLElement} */ (figure.current).querySelectorAll(".word")];
    const words = page.words.filter((_, index) => spans[index] && selection.containsNode(spans[index], true));
    if (words.length) onTake(number, words, false);
  };
  const touch = useTouch({ number, page, taken, onWords: onTake && ((words) => onTake(number, words, true)) });
  return html`<figure class="page drawn" ref=${figure} style=${{ aspectRatio: ratio }} onMouseUp=${take} ...${touch.listeners}>
    ${page?.image ? html`<img src=${page.image.url} alt=${t("viewer.page", { number })} decoding="async" />` : html`<p class="page-wait">${t("viewer.page", { number })} …</p>`}
    <${Places} number=${number} proofs=${proofs} />
    ${page && html`<div class=${isZoomed ? "words zoomed" : "words"} aria-hidden="true">${page.words.map((word, index) => html`<span key=${index} class="word" style=${{ ...placed(word.box), "--letters": word.text.length }}>${word.text} </span>`)}</div>`}
    ${touch.layer}
  </figure>`;
}

/** A picture that is no page of its own. @param {{url: string, number: number, proofs: Proof[]}} props */
export function Picture({ url, number, proofs }) {
  return html`<figure class="page">
    <img src=${url} alt=${t("viewer.page", { number })} decoding="async" />
    <${Places} number=${number} proofs=${proofs} />
  </figure>`;
}

/** @param {{number: number, proofs: Proof[]}} props */
function Places({ number, proofs }) {
  const first = useRef(/** @type {HTMLElement | null} */ (null));
  const here = proofs.filter((proof) => proof.page === number && proof.box);
  useEffect(() => first.current?.scrollIntoView({ block: "nearest" }), [proofs]);
  return here.map(
    (proof, index) => html`<span key=${proof.path} ref=${index === 0 ? first : undefined} class="evidence" style=${placed(/** @type {any} */ (proof.box))}></span>`,
  );
}
