// @ts-check
/** One row of a dataset's table, from a file as the API shows it. */

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} name
 * @property {string} state
 * @property {string | null} stage
 * @property {string} updatedAt
 * @property {string | null} batchId
 * @property {Record<string, string>} pipelines the state of each
 * @property {{reason: string, detail: string, position: number | null, eta_s: [number, number] | null} | null} waiting
 * @property {{step: string | null, code: string, detail: string | null} | null} error
 * @property {string | null} thumbnail
 * @property {number} recordVersion 0 without a record
 * @property {Record<string, any>} fields
 * @property {string[]} missing
 * @property {string[]} doubtful
 * @property {number} documents
 * @property {readonly string[]} labels those of its batch
 * @property {{id: string, first_page: number | null, last_page: number | null} | null} takenFrom
 * @property {{from: string, by: "rule" | "person", at: string} | null} moved its last move from another dataset
 * @property {string | null} review open, needed, approved or rejected
 */

/** A row of which only the place is kept: it is read again when it comes into sight. */
export class Stub {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
  }
}

const NONE = /** @type {any} */ (Object.freeze([]));
/** What many rows have in common is kept once: the states of pipelines, and the ids of batches. */
const shared = new Map();
const batches = new Map();
const labelled = new Map();

/** @param {string | null} id @returns {string | null} */
function batchOf(id) {
  if (!batches.has(id)) batches.set(id, id);
  return batches.get(id);
}

/** The labels of a batch never change. @param {any} file @returns {readonly string[]} */
function labelsOf({ batch_id: id, labels }) {
  if (!labels?.length) return NONE;
  if (!labelled.has(id)) labelled.set(id, Object.freeze(labels));
  return labelled.get(id);
}

/** @param {Record<string, any>} pipelines @returns {Record<string, string>} */
function statesOf(pipelines) {
  const states = Object.entries(pipelines).map(([name, one]) => [name, one?.state ?? one]);
  const key = states.join();
  if (!shared.has(key)) shared.set(key, Object.freeze(Object.fromEntries(states)));
  return shared.get(key);
}

/** @param {any} file a file, or the row of one as `view=row` returns it @returns {Row} */
export function rowOf(file) {
  const record = file.record ?? file.artifacts?.record ?? null;
  return {
    id: file.id,
    name: file.name,
    state: file.state,
    stage: file.stage ?? null,
    updatedAt: file.updated_at ?? "",
    batchId: batchOf(file.batch_id ?? null),
    pipelines: statesOf(file.pipelines ?? {}),
    waiting: file.waiting ?? null,
    error: file.error ?? null,
    thumbnail: file.thumbnail?.url ?? file.artifacts?.thumbnail?.url ?? null,
    recordVersion: record?.version ?? 0,
    fields: record?.fields ?? {},
    missing: record?.missing?.length ? record.missing : NONE,
    doubtful: record?.doubtful?.length ? record.doubtful.map(propertyOf) : NONE,
    documents: record?.documents ?? file.records?.length ?? (record ? 1 : 0),
    labels: labelsOf(file),
    takenFrom: file.taken_from ?? null,
    moved: file.moved ?? null,
    review: record?.review ?? file.review ?? null,
  };
}

/** Whether the address of a picture has expired: it names when it was signed, and for how long. @param {string | null} url @param {number} now */
export function hasExpired(url, now) {
  const [, year, month, date, hour, minute, second] = /X-Amz-Date=(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(url ?? "") ?? [];
  const seconds = Number(/X-Amz-Expires=(\d+)/.exec(url ?? "")?.[1]);
  return year !== undefined && now > Date.UTC(+year, +month - 1, +date, +hour, +minute, +second) + 1000 * seconds;
}

/** The property of the schema to which the path of a value belongs: `items` for `items[0].price`. @param {string} path */
export const propertyOf = (path) => path.split(/[.[/]/, 1)[0];
