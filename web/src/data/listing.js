// @ts-check
/** Which listing of the API has the rows of a filter, and which rows belong into it. */
import { query } from "../api.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {{field: string, op: string, value?: string | number | boolean}} Condition a comparison with a value of a record */
/**
 * @typedef {{state: string, name: string, review: string, where: readonly Condition[], sort: string}} Filter
 *   `sort`: a property, `-` before it for the largest first
 */

/** @type {Filter} */
export const NO_FILTER = { state: "", name: "", review: "", where: [], sort: "" };

/** Whether this page cannot tell if a row belongs into the listing: only the API compares values. @param {Filter} filter */
export const isByValue = ({ where, sort }) => where.length > 0 || sort !== "";

/**
 * The path of a page of the listing.
 * @param {string} datasetId @param {Filter} filter @param {number} limit @param {string | null} cursor
 */
export function pathOf(datasetId, filter, limit, cursor) {
  const { state, name, review } = filter;
  if (!review && !isByValue(filter)) return `/datasets/${datasetId}/files${query({ view: "row", limit, state, name, cursor })}`;
  return rowsPath(datasetId, filter, { limit, cursor });
}

/** The path of the rows from one on. @param {string} datasetId @param {Filter} filter @param {number} limit @param {string} fileId */
export const pathFrom = (datasetId, filter, limit, fileId) => rowsPath(datasetId, filter, { limit, around: fileId });

/** @param {string} datasetId @param {Filter} filter @param {Record<string, any>} page */
function rowsPath(datasetId, filter, page) {
  const where = conditionsOf(filter);
  return `/datasets/${datasetId}/rows${query({ where: where.length ? JSON.stringify(where) : null, sort: filter.sort, ...page })}`;
}

/** A filter as conditions of the API. @param {Filter} filter */
export function conditionsOf({ state, name, review, where }) {
  return [
    ...(state ? [{ field: "@state", op: "eq", value: state }] : []),
    ...(name ? [{ field: "@name", op: "contains", value: name }] : []),
    ...(review ? [{ field: "@review", op: "eq", value: review }] : []),
    ...where,
  ];
}

/** @param {Filter} filter @param {Row} row */
export function accepts({ state, name, review }, row) {
  if (state && row.state !== state) return false;
  if (review && row.review !== review) return false;
  return !name || row.name.toLowerCase().includes(name.toLowerCase());
}

/** The order in which records are checked: the least sure first. */
const LEAST_SURE = "@probability";

/** The change of a filter that shows the records to be checked, or all again. @param {Filter} filter @returns {Partial<Filter>} */
export function toBeChecked({ review, sort }) {
  if (review) return { review: "", sort: sort === LEAST_SURE ? "" : sort };
  return { review: "needed", sort: sort || LEAST_SURE };
}

/** The next order of a column: ascending, descending, none. @param {string} sort @param {string} column */
export const nextSort = (sort, column) => (sort === column ? `-${column}` : sort === `-${column}` ? "" : column);
