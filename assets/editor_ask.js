// What features of the editor page ask the server for: JSON, or the server's own words as an Error.

import { ask, base, csrf, words } from "./page.js";

/** @param {Response} response @returns {Promise<object>} */
async function answer(response) {
  if (!response.ok) throw new Error(await words(response));
  return response.json();
}

/** @param {string} name of the route below /-/api/ @param {Record<string, string>} query */
export async function get(name, query = {}) {
  return answer(await ask(`${base}/-/api/${name}?${new URLSearchParams(query)}`));
}

/** @param {string} name of the route below /-/api/ @param {Record<string, string>} fields */
export async function post(name, fields) {
  const headers = { "X-CSRF-Token": csrf };
  return answer(await ask(`${base}/-/api/${name}`, { method: "POST", headers, body: new URLSearchParams(fields) }));
}
