// @ts-check
/** Light or dark: as the system is set, or as the person chose. */
import { signal } from "@preact/signals";

const KEPT_UNDER = "fairway.theme";
/** @type {readonly ("auto" | "light" | "dark")[]} */
export const THEMES = ["auto", "light", "dark"];
export const theme = signal(/** @type {"auto" | "light" | "dark"} */ ("auto"));

export function start() {
  const kept = localStorage.getItem(KEPT_UNDER);
  use(THEMES.find((name) => name === kept) ?? "auto");
}

/** @param {"auto" | "light" | "dark"} name */
export function use(name) {
  theme.value = name;
  document.documentElement.style.colorScheme = name === "auto" ? "light dark" : name;
  localStorage.setItem(KEPT_UNDER, name);
}

export const useNext = () => use(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]);
