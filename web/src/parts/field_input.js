// @ts-check
/** One value of a record in an input. It is saved when the person leaves it or presses Enter. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { choicesOf, kindOf, readInput, written } from "../data/input.js";
import { fieldValue } from "../format.js";
import { html } from "../html.js";
import { catalogue, t } from "../i18n.js";

/**
 * @param {{id: string, column: import("../data/columns.js").Column, value: any, onSave: (value: any) => Promise<boolean>}} props
 */
export function FieldInput({ id, column, value, onSave }) {
  const { locale } = catalogue.value;
  const before = written(value, column, locale);
  const draft = useSignal(before);
  const isWrong = useSignal(false);
  useEffect(() => {
    draft.value = before;
    isWrong.value = false;
  }, [before]);
  const save = async () => {
    if (draft.value === before) return;
    const next = readInput(draft.value, column, locale);
    isWrong.value = next === undefined;
    if (next !== undefined) isWrong.value = !(await onSave(next));
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey) {
      event.preventDefault();
      void save();
    } else if (event.key === "Escape" && draft.value !== before) {
      event.stopPropagation();
      event.preventDefault();
      draft.value = before;
    }
  };
  const shared = {
    id,
    class: "field-input",
    value: draft.value,
    dir: "auto",
    "aria-invalid": isWrong.value,
    "aria-describedby": isWrong.value ? `${id}-wrong` : undefined,
    onInput: (/** @type {any} */ event) => (draft.value = event.target.value),
    onBlur: save,
    onKeyDown: onKey,
  };
  return html`<${Input} kind=${kindOf(column, value)} column=${column} shared=${shared} />
    ${isWrong.value && html`<span class="field-wrong" id=${`${id}-wrong`} role="alert">${t(`input.${column.type}`)}</span>`}`;
}

/** @param {{kind: import("../data/input.js").Kind, column: import("../data/columns.js").Column, shared: any}} props */
function Input({ kind, column, shared }) {
  if (kind === "long") return html`<textarea ...${shared} rows="3"></textarea>`;
  if (kind === "date") return html`<input type="date" ...${shared} />`;
  if (kind === "number") return html`<input type="text" inputmode="decimal" ...${shared} />`;
  if (kind === "choice") {
    return html`<select ...${shared} onChange=${shared.onInput}>
      <option value="">${t("value.none")}</option>
      ${choicesOf(column).map((choice) => html`<option key=${String(choice)} value=${String(choice)}>${fieldValue(choice)}</option>`)}
    </select>`;
  }
  return html`<input type="text" ...${shared} />`;
}
