// Opens the signed configuration of this page in the Document Server's editor.
//
// What the editor can ask for is answered by features: each gets the page and returns its events
// (Docs API, "Events"). The editor shows the buttons of the events that somebody answers.

import { ask, words } from "./page.js";
import { files } from "./editor_files.js";
import { history } from "./editor_history.js";
import { people } from "./editor_people.js";
import { person } from "./editor_person.js";
import { session } from "./editor_session.js";
import { sharing } from "./editor_sharing.js";
import { turns } from "./editor_turns.js";

const FEATURES = [session, turns, sharing, files, person, people, history];

const host = document.querySelector("#editor");

/** What the server said no to, in its words. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What features know of the page: its addresses, the editor once it is there, fresh configurations.
 * @type {{data: DOMStringMap, editor: object, config: object,
 *   fresh: (query?: Record<string, string>) => Promise<object>, reopen: (config: object) => void}}
 */
const page = {
  data: host.dataset,
  editor: null,
  config: JSON.parse(document.querySelector("#editor-config").textContent),
  /** The same document, signed anew: the state of the file may have changed. */
  async fresh(query = {}) {
    const address = new URL(host.dataset.fresh, location.href);
    const wanted = { mode: page.config.editorConfig.mode, ...query };
    for (const [name, value] of Object.entries(wanted)) address.searchParams.set(name, value);
    const response = await ask(address.href);
    if (!response.ok) throw new Refused(response.status, await words(response));
    return response.json();
  },
  /** Begin again with another configuration, as for another mode. */
  reopen(config) {
    page.editor.destroyEditor();
    page.config = config;
    show();
  },
};

function showTrouble() {
  host.hidden = true;
  document.querySelector("#editor-trouble").hidden = false;
}

const events = {};

function show() {
  const frame = document.createElement("div");
  frame.id = "editor-frame";
  host.replaceChildren(frame);
  page.editor = new window.DocsAPI.DocEditor(frame.id, { ...page.config, events });
}

function open() {
  for (const feature of FEATURES) {
    for (const [name, answer] of Object.entries(feature(page))) {
      const before = events[name];
      // Two features can answer one event: onMetaChange tells of titles and of stars.
      events[name] = before ? (event) => [before(event), answer(event)] : answer;
    }
  }
  show();
}

const script = document.createElement("script");
script.src = host.dataset.api;
script.onload = () => (window.DocsAPI ? open() : showTrouble());
script.onerror = showTrouble;
document.head.append(script);
