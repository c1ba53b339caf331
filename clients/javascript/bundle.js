// @ts-check
/**
 * `node bundle.js FOLDER` writes the package into a folder, to be published: with copies of the modules of the page in
 * place of the links to them, and without those that the client does not import.
 */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const IMPORT = /^(?:import|export|\}) .*?from "(\.[^"]+)";/gm;

/** The names of a module and of all that it imports, below this folder. @param {string} start */
export async function modulesOf(start) {
  const found = new Set([start]);
  for (const name of found) {
    const text = await readFile(join(HERE, name), "utf8");
    for (const [, relative] of text.matchAll(IMPORT)) found.add(normalize(join(dirname(name), relative)));
  }
  return [...found];
}

/** @param {string} folder */
export async function bundle(folder) {
  for (const name of ["package.json", "README.md", "LICENSE", ...(await modulesOf("src/index.js"))]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await copyFile(join(HERE, name), join(folder, name));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv[2]) throw new Error("name the folder: node bundle.js FOLDER");
  await bundle(process.argv[2]);
}
