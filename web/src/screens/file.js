// @ts-check
/** One file: its pages at the left, the record's values at the right, and how it was processed. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { filesOf, remove, retry } from "../actions.js";
import { openDataset } from "../data/dataset.js";
import { proofsOf } from "../data/evidence.js";
import { FileDetails } from "../data/file.js";
import { rowOf } from "../data/row.js";
import { activate } from "../data/selection.js";
import { size } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Icon } from "../parts/icons.js";
import { KeysHelp } from "../parts/keys_help.js";
import { Lazy } from "../parts/lazy.js";
import { Origin } from "../parts/origin.js";
import { useAgain } from "../parts/repeated.js";
import { RecordHistory } from "../parts/record_history.js";
import { Records, ReviewBar, take } from "../parts/records.js";
import { activity, explanation, StateSign } from "../parts/state.js";
import { Steps } from "../parts/steps.js";
import { Tabs } from "../parts/tabs.js";
import { FileText } from "../parts/text.js";
import { say, sayError } from "../parts/toasts.js";
import { focusOn, isNothingFocused, isTyping } from "../parts/table_keys.js";
import { Viewer } from "../parts/viewer.js";
import { addressOf, go } from "../router.js";
import { may } from "../session.js";

const HAS_KEYBOARD = matchMedia("(hover: hover)");
const moveDialog = () => import("../parts/move_dialog.js").then((module) => module.MoveDialog);
const KEYS = ["tab", "approve", "escape", "next_file", "question"];

/** @param {{datasetId: string, fileId: string}} props */
export function FileScreen({ datasetId, fileId }) {
  const dataset = useMemo(() => openDataset(datasetId), [datasetId]);
  const details = useMemo(() => new FileDetails(fileId), [fileId]);
  const proofs = useSignal(/** @type {import("../data/evidence.js").Proof[]} */ ([]));
  const showsKeys = useSignal(false);
  const columns = useComputed(() => dataset.columns());
  const file = details.file.value;
  dataset.version.value; // read again when the file's row changes
  const row = dataset.rows.get(fileId);
  useEffect(() => void details.read(), [details, row?.updatedAt, row?.state]);
  useAgain(details.isGone.value ? "" : details.problem.value, () => details.isReading || details.read(), details);
  useEffect(() => {
    if (file) document.title = `${file.name} · Fairway`;
  }, [file?.name]);
  useEffect(() => {
    // A rule or a person has moved it meanwhile: its values are columns of another dataset.
    if (file && file.dataset_id !== datasetId) go({ screen: "file", datasetId: file.dataset_id, fileId }, true);
  }, [file?.dataset_id]);
  const hasRecord = Boolean(file?.artifacts.record);
  useEffect(() => {
    // On a touch screen this would open the keyboard.
    if (hasRecord && HAS_KEYBOARD.matches && isNothingFocused()) focusOn(document.querySelector(".fields .field-input"));
  }, [hasRecord]);
  useEffect(() => {
    dataset.selection.value = activate(dataset.selection.value, fileId);
  }, [fileId]);

  /** @param {number} by */
  const move = (by) => {
    const next = dataset.rows.list[dataset.rows.indexOf(fileId) + by];
    if (next) go({ screen: "file", datasetId, fileId: next.id }, true);
  };
  const back = () => go({ screen: "dataset", datasetId });
  const approve = async () => {
    if (!details.file.value?.artifacts.record || !may("editor")) return;
    // Leaving the field saves what was typed into it.
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    try {
      await details.last;
      await details.review("approved");
    } catch (error) {
      return sayError(error);
    }
    if (dataset.rows.list[dataset.rows.indexOf(fileId) + 1]) return move(1);
    say(t("review.last"));
    back();
  };
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (document.querySelector("dialog[open]")) return;
      if (event.ctrlKey || event.metaKey) {
        if (event.key !== "Enter") return;
        void approve();
      } else if (event.key === "Escape") back();
      else if (event.altKey && event.key === "ArrowDown") move(1);
      else if (event.altKey && event.key === "ArrowUp") move(-1);
      else if (event.key === "?" && !isTyping(event)) showsKeys.value = true;
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [fileId]);

  return html`<div class="screen file">
    <div class="screen-head">
      <a class="crumb" href=${addressOf({ screen: "dataset", datasetId })} aria-label=${t("file.back")} title=${t("file.back")}><${Icon} name="back" /></a>
      <h1 dir="auto">${file?.name ?? ""}</h1>
      <span class="gap"></span>
      <button type="button" class="quiet" aria-label=${t("file.previous")} title=${t("file.previous")} onClick=${() => move(-1)}><${Icon} name="back" /></button>
      <button type="button" class="quiet" aria-label=${t("file.next")} title=${t("file.next")} onClick=${() => move(1)}><${Icon} name="forward" /></button>
      <button type="button" class="quiet keys-button" aria-label=${t("keys.title")} onClick=${() => (showsKeys.value = true)}>?</button>
    </div>
    ${details.problem.value && html`<p class="problem" role="alert">${details.isGone.value ? t("file.gone") : details.problem.value}</p>`}
    ${!file && !details.problem.value && html`<p class="faint">${t("loading")}</p>`}
    ${file && !details.isGone.value && html`<${Body} details=${details} columns=${columns.value} proofs=${proofs} known=${row} onGone=${back} onApprove=${approve} />`}
    ${showsKeys.value && html`<${KeysHelp} names=${KEYS} onClose=${() => (showsKeys.value = false)} />`}
  </div>`;
}

/** The kind of a file in a few letters: the media types of office files are long. @param {any} file */
const kindOf = ({ name, media_type: type }) => /\.(\w{1,5})$/.exec(name)?.[1].toUpperCase() ?? type;

/**
 * @param {{details: FileDetails, columns: import("../data/columns.js").Column[], onGone: () => void, onApprove: () => void,
 *   known: import("../data/row.js").Row | null,
 *   proofs: import("@preact/signals").Signal<import("../data/evidence.js").Proof[]>}} props
 */
function Body({ details, columns, proofs, known, onGone, onApprove }) {
  const file = details.file.value;
  const row = rowOf(file);
  const why = explanation(row);
  const aim = useSignal(/** @type {import("../parts/records.js").Aim | null} */ (null));
  const taken = useSignal(/** @type {import("../data/touched.js").Taken | null} */ (null));
  const onFocus = (/** @type {any} */ found, /** @type {import("../parts/records.js").Aim | null} */ focused) => {
    proofs.value = found;
    if (!focused || (focused.name === aim.value?.name && focused.document === aim.value.document)) return;
    aim.value = focused;
    taken.value = null;
  };
  /** @type {import("../parts/viewer.js").Take} */
  const onTake = async (page, words, isByTouch) => {
    const field = aim.value;
    const isDone = await take(details, columns, field, page, words, isByTouch);
    if (isDone && field) proofs.value = proofsOf(details.file.value.records[field.document - 1].evidence, field.name);
  };
  const tabs = [
    { name: "fields", label: t("tab.fields"), content: () => html`<${Records} details=${details} columns=${columns} aim=${aim.value} onFocus=${onFocus} />` },
    ...(file.artifacts.record ? [{ name: "history", label: t("tab.history"), content: () => html`<${RecordHistory} file=${file} columns=${columns} />` }] : []),
    { name: "steps", label: t("tab.steps"), content: () => html`<${Steps} file=${file} />` },
    ...(file.artifacts.text ? [{ name: "text", label: t("tab.text"), content: () => html`<${FileText} file=${file} />` }] : []),
  ];
  const isMoving = useSignal(false);
  const files = filesOf(file.dataset_id, [file.id]);
  const onRemove = () => {
    void remove(files);
    onGone();
  };
  return html`<div class="review">
    <section class="viewer" aria-label=${t("viewer.label")} tabindex="0"><${Viewer} file=${file} proofs=${proofs.value} taken=${taken} onTake=${may("editor") ? onTake : null} /></section>
    <section class="details" aria-label=${t("details.label")}>
      <div class="details-head">
        <${StateSign} state=${file.state} text=${activity(row)} />
        <span class="faint" title=${file.media_type}>${[kindOf(file), size(file.size_bytes)].filter(Boolean).join(" · ")}</span>
        <span class="actions">
          ${file.artifacts.original && html`<a class="button" href=${file.artifacts.original.url} download><${Icon} name="download" />${t("file.original")}</a>`}
          ${file.state === "failed" && may("operator") && html`<button type="button" onClick=${() => retry(files)}><${Icon} name="retry" />${t("retry")}</button>`}
          ${may("editor") && html`<button type="button" onClick=${() => (isMoving.value = true)}><${Icon} name="folder" />${t("move")}</button>`}
          ${may("editor") && html`<button type="button" onClick=${onRemove}><${Icon} name="trash" />${t("remove")}</button>`}
        </span>
      </div>
      ${why && html`<p class=${file.error ? "problem" : "why-line"}>${why}</p>`}
      <${Origin} key=${file.id} file=${file} row=${known} />
      ${(file.artifacts.similar ?? []).length > 0 && html`<${Similar} file=${file} />`}
      <${ReviewBar} details=${details} onApprove=${onApprove} />
      <${Tabs} tabs=${tabs} label=${t("details.label")} />
      ${isMoving.value && html`<${Lazy} load=${moveDialog} isQuiet=${true} props=${{ files, title: `${t("move.title")}: ${file.name}`, onClose: () => (isMoving.value = false), onMoved: onGone }} />`}
    </section>
  </div>`;
}

/**
 * Links to the files that are likely the same document.
 * @param {{file: any}} props
 */
function Similar({ file }) {
  const links = file.artifacts.similar.map(
    (/** @type {{file_id: string, name: string}} */ other) =>
      html`<li key=${other.file_id}><a href=${addressOf({ screen: "file", datasetId: file.dataset_id, fileId: other.file_id })} dir="auto">${other.name}</a></li>`,
  );
  return html`<div class="why-line"><p>${t("file.similar")}</p><ul>${links}</ul></div>`;
}
